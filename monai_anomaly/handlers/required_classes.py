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
    """Stop a training that cannot learn what it is for, before its first epoch: a class or a whole batch is missing, or
    all masks are empty although there are diseased volumes, which would count as healthy.

    A validation without a class only brings a warning: with few patients it happens, and the weights do not suffer.

    Args:
        training: a `SliceDataset` or a `VolumeDataset`.
        validation: the same.
        classes: which must be among the labels, e.g. ``[0, 1]`` to tell them apart.
        datalist: where the images come from, for the message.
    """

    def __init__(
        self, training: Any, validation: Any = None, classes: Sequence[int] = (0, 1), datalist: str | os.PathLike = ""
    ) -> None:
        self.training = training
        self.validation = validation
        self.classes = classes
        self.datalist = datalist

    def attach(self, engine: Engine) -> None:
        """Look when the trainer starts.

        Raises:
            DataError: when the images make no batch: MONAI's trainers do not start then, and count as finished.
        """
        if getattr(engine.state, "epoch_length", None) == 0:
            raise DataError(
                f"{self.datalist}: expected at least one batch of the section 'training', found {len(self.training)}"
                f" {self.training.unit}(s), fewer than a batch: give a smaller --batch_size, or more images"
            )
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Count the labels.

        Raises:
            DataError: when a class has no image in the training, or its masks are empty in spite of the labels.
        """
        if problem := self._problem("training", self.training):
            raise DataError(problem)
        if self.validation is not None and (problem := self._problem("validation", self.validation)):
            warnings.warn(problem, stacklevel=2)

    def _problem(self, section: str, dataset: Any) -> str:
        counts, data = Counter(dataset.labels), dataset.summary
        # whole volumes have no masks
        empty = data.get("overruled", 0) > 0 and data["with_lesion"] == 0
        if all(counts[label] for label in self.classes) and not empty:
            return ""
        found = ", ".join(
            f"{counts[label]} {dataset.unit}s of class {label}" for label in sorted({*self.classes, *counts})
        )
        if empty:
            reason = f"the masks of all {data['overruled']} diseased sample(s) are empty and overrule their labels"
            advice = "correct them, or remove the entries 'mask'"
        elif data.get("with_mask"):
            reason = f"{data['with_mask']} of {data['samples']} sample(s) have masks, which decide the labels"
            advice = "look at them, and at --slice_range"
        else:
            reason, advice = "they are the labels of the samples", "correct them"
        return (
            f"{self.datalist}: expected the class(es) {', '.join(map(str, self.classes))} in the section '{section}', "
            f"found {found}: {reason}; {advice} (docs/how-to/troubleshooting.md)"
        )
