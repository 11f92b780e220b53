# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils import CommonKeys as Keys
from monai.utils import convert_to_tensor

__all__ = ["TargetPrepareBatch", "class_labels", "plain_tensor"]


def plain_tensor(
    batchdata: Mapping[str, Any], key: str, device: str | torch.device | None, non_blocking: bool, **kwargs: Any
) -> torch.Tensor:
    """An entry of a batch, of any number type, as a tensor without metadata on a device; see `torch.Tensor.to`."""
    tensor = convert_to_tensor(torch.as_tensor(batchdata[key]), track_meta=False)
    return tensor.to(device=device, non_blocking=non_blocking, **kwargs)


def class_labels(batchdata: Mapping[str, Any], device: str | torch.device | None, non_blocking: bool) -> torch.Tensor:
    """The entry ``label`` of a batch, (N,) or (N, 1) of any number type, as int64 (N,)."""
    return plain_tensor(batchdata, Keys.LABEL, device, non_blocking).long().reshape(-1)


class TargetPrepareBatch(PrepareBatch):
    """Make an entry of the batch the target of the image: the mask for networks that segment in one pass, the image
    itself for autoencoders. (MONAI's default takes ``label``, which is the class here.)

    Args:
        target_key: that entry.

    Example::

        batch = {"image": torch.rand(4, 1, 8, 8), "mask": torch.zeros(4, 1, 8, 8), "label": torch.zeros(4)}
        image, mask = TargetPrepareBatch("mask")(batch)
        image, again = TargetPrepareBatch("image")(batch)
    """

    def __init__(self, target_key: str) -> None:
        self.target_key = target_key

    def __call__(
        self,
        batchdata: dict[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Images and targets.

        Args:
            batchdata: ``image`` (N, C, ...) and the target (N, ...).
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to`.
        """
        image = plain_tensor(batchdata, Keys.IMAGE, device, non_blocking, **kwargs)
        if self.target_key == Keys.IMAGE:
            return image, image
        return image, plain_tensor(batchdata, self.target_key, device, non_blocking, **kwargs)
