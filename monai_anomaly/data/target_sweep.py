# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils.data import Dataset

from ..utils import DataError, finite_number

__all__ = ["TargetSweep"]


class TargetSweep(Dataset):
    """Every diseased image once for each of several targets, e.g. the sizes that thesis ch. 8 asks for in Fig. 7; or
    every image at all, e.g. for the ages of Fig. 2.

    Args:
        dataset: with ``labels``, such as `SliceDataset`.
        values: the targets.
        entry: of an item, where the target is put, (1,) float32.
        edit: what the items are called by; their ``pair`` is this and the target.
        step: take every n-th of these images.
        healthy: take the items of label 0 as well.

    Raises:
        DataError: a target is not a finite number, or there is no target or no such image.

    Example::

        volume = {"image": torch.rand(4, 8, 8, 4), "mask": torch.ones(1, 8, 8, 4), "subject": "a"}
        sweep = TargetSweep(SliceDataset([volume], progress=False), [0, 0.05, 0.1, 0.2])
        assert len(sweep) == 16 and abs(sweep[3]["target_value"] - 0.2) < 1e-6
    """

    def __init__(
        self,
        dataset: Any,
        values: Sequence[float],
        entry: str = "target_value",
        edit: str = "resize",
        step: int = 1,
        healthy: bool = False,
    ) -> None:
        self.dataset = dataset
        self.values = [finite_number(value, f"values of {entry}") for value in values]
        self.entry = entry
        self.edit = edit
        self.images = [i for i, label in enumerate(dataset.labels) if healthy or label > 0][::step]
        if not self.images or not self.values:
            raise DataError(
                f"expected {'images' if healthy else 'diseased images'} and values of {entry}, found "
                f"{len(self.images)} and {len(self.values)}"
            )

    @property
    def labels(self) -> list[int]:
        """Label of every item."""
        return [self.dataset.labels[i] for i in self.images for _ in self.values]

    def __len__(self) -> int:
        return len(self.images) * len(self.values)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        image, value = divmod(index, len(self.values))
        target = self.values[value]
        names = {"edit": self.edit, "pair": f"{self.edit} {target:g}"}
        return {**self.dataset[self.images[image]], **names, self.entry: torch.tensor([target])}
