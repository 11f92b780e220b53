# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ignite.engine import Engine, Events

from ..utils import DataError

__all__ = ["RequiredClasses"]


class RequiredClasses:
    """Stop a training that cannot learn what it is for, because a class is missing, before its first epoch.

    A validation without a class only brings a warning: with few patients it happens, and the weights do not suffer.

    Args:
        training: the slices, with ``labels`` and ``summary`` as `SliceDataset` has them.
        validation: the same.
        classes: which must be among the labels, e.g. ``[0, 1]`` to tell them apart.
        datalist: where the slices come from, for the message.
    """

    def __init__(
        self, training: Any, validation: Any = None, classes: Sequence[int] = (0, 1), datalist: str | os.PathLike = ""
    ) -> None:
        self.training = training
        self.validation = validation
        self.classes = classes
        self.datalist = datalist

    def attach(self, engine: Engine) -> None:
        """Look when the trainer starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Count the labels.

        Raises:
            DataError: when a class has no slice in the training.
        """
        if problem := self._problem("training", self.training):
            raise DataError(problem)
        if self.validation is not None and (problem := self._problem("validation", self.validation)):
            warnings.warn(problem, stacklevel=2)

    def _problem(self, section: str, dataset: Any) -> str:
        counts, data = Counter(dataset.labels), dataset.summary
        if all(counts[label] for label in self.classes):
            return ""
        found = ", ".join(f"{counts[label]} of class {label}" for label in sorted({*self.classes, *counts}))
        masks = f"{data['with_mask']} of its {data['samples']} sample(s) have masks, which decide the labels"
        return (
            f"{self.datalist}: expected slices of the class(es) {', '.join(map(str, self.classes))} in the section "
            f"'{section}', found {found}; {masks if data['with_mask'] else 'they are the labels of the samples'}. "
            "Look at masks and labels there, and at the slices that are taken (--slice_range, --min_lesion_pixels)"
        )
