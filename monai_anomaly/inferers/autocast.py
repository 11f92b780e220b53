# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from monai.inferers import Inferer

from ..utils import autocast_dtype

__all__ = ["AutocastInferer"]


class AutocastInferer(Inferer):
    """Call the network in mixed precision on whatever device the inputs are; the inferer of a trainer.

    MONAI's trainers know mixed precision on CUDA only, where float16 needs their gradient scaler; bfloat16 needs none.

    Args:
        autocast: see `autocast_dtype`.
    """

    def __init__(self, autocast: str | None = "auto") -> None:
        super().__init__()
        self.autocast = autocast

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """``network(inputs, *args, **kwargs)`` in mixed precision."""
        dtype = autocast_dtype(self.autocast, inputs.device)
        with torch.autocast(inputs.device.type, dtype) if dtype else nullcontext():
            return network(inputs, *args, **kwargs)
