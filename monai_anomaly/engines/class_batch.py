# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils import CommonKeys as Keys
from monai.utils import convert_to_tensor

__all__ = ["ClassPrepareBatch"]


class ClassPrepareBatch(PrepareBatch):
    """Images and their class, for a classifier and ``CrossEntropyLoss``."""

    def __call__(
        self,
        batchdata: dict[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Images and labels, long (N,).

        Args:
            batchdata: ``image`` (N, C, ...) and ``label`` (N,) or (N, 1), of any number type.
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to` for the images.
        """
        image = convert_to_tensor(batchdata[Keys.IMAGE], track_meta=False)
        image = image.to(device=device, non_blocking=non_blocking, **kwargs)
        label = convert_to_tensor(torch.as_tensor(batchdata[Keys.LABEL]), track_meta=False)
        return image, label.to(device=device, non_blocking=non_blocking).long().reshape(-1)
