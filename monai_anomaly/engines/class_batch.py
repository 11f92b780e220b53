# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils import CommonKeys as Keys

from .target_batch import class_labels, plain_tensor

__all__ = ["ClassPrepareBatch"]


class ClassPrepareBatch(PrepareBatch):
    """Images and their class, for a classifier and ``CrossEntropyLoss``.

    Example::

        image, label = ClassPrepareBatch()({"image": torch.rand(2, 1, 8, 8), "label": torch.tensor([[0.0], [1.0]])})
        assert label.tolist() == [0, 1]
    """

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
        image = plain_tensor(batchdata, Keys.IMAGE, device, non_blocking, **kwargs)
        return image, class_labels(batchdata, device, non_blocking)
