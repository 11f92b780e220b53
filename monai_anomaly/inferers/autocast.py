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
        """``network(inputs, *args, **kwargs)`` in mixed precision; the result in float32, as a loss wants it."""
        dtype = autocast_dtype(self.autocast, inputs.device)
        with torch.autocast(inputs.device.type, dtype) if dtype else nullcontext():
            output = network(inputs, *args, **kwargs)
        return _in_float32(output) if dtype else output


def _in_float32(output: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return output.float()
    return type(output)(_in_float32(o) for o in output) if isinstance(output, list | tuple) else output
