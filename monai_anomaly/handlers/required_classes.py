# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ignite.engine import Engine, Events

from ..utils import DataError

__all__ = ["RequiredClasses"]


class RequiredClasses:
    """Stop a training that cannot learn what it is for, because a class is missing, before its first epoch.

    Args:
        datasets: section of the datalist -> its slices, with ``labels`` and ``summary`` as `SliceDataset` has them.
        classes: which must be among their labels, e.g. ``[0, 1]`` to tell them apart.
        datalist: where the sections come from, for the message.
    """

    def __init__(
        self, datasets: Mapping[str, Any], classes: Sequence[int] = (0, 1), datalist: str | os.PathLike = ""
    ) -> None:
        self.datasets = datasets
        self.classes = classes
        self.datalist = datalist

    def attach(self, engine: Engine) -> None:
        """Look when the trainer starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Count the labels.

        Raises:
            DataError: when a class has no slice.
        """
        for section, dataset in self.datasets.items():
            counts, data = Counter(dataset.labels), dataset.summary
            if all(counts[label] for label in self.classes):
                continue
            found = ", ".join(f"{counts[label]} of class {label}" for label in sorted({*self.classes, *counts}))
            masks = f"; {data['with_mask']} of its {data['samples']} sample(s) have masks, which decide the labels"
            raise DataError(
                f"{self.datalist}: expected slices of the class(es) {', '.join(map(str, self.classes))} in the section "
                f"'{section}', found {found}{masks if data['with_mask'] else '; they are the labels of the samples'}. "
                "Look at masks and labels there, and at the slices that are taken (--slice_range, --min_lesion_pixels)"
            )
