# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils import CommonKeys as Keys
from monai.utils import convert_to_tensor

__all__ = ["ReconstructionPrepareBatch"]


class ReconstructionPrepareBatch(PrepareBatch):
    """Make the image its own target, for autoencoders."""

    def __call__(
        self,
        batchdata: dict[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The images twice.

        Args:
            batchdata: ``image`` (N, C, ...).
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to`.
        """
        image = convert_to_tensor(batchdata[Keys.IMAGE], track_meta=False)
        image = image.to(device=device, non_blocking=non_blocking, **kwargs)
        return image, image
