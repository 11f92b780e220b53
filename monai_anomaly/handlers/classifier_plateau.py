# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence

from ignite.engine import Engine, Events

__all__ = ["ClassifierPlateau"]


class ClassifierPlateau:
    """Warn when a validation finds that the classifier is hardly better than naming the most frequent class.

    A guide that knows nothing leads nowhere, while the loss, most of which is the diffusion network's, looks well.

    Args:
        labels: classes of the validation set's images.
        metric: name of the classifier's accuracy among the metrics of the validation.
        margin: how much of the way from the share of the most frequent class to 1 the accuracy must have gone.

    Raises:
        ValueError: when there are no labels.
    """

    def __init__(self, labels: Sequence[int], metric: str = "val_classifier_accuracy", margin: float = 0.1) -> None:
        if not labels:
            raise ValueError("labels must hold at least one class, got none")
        self.chance = max(Counter(labels).values()) / len(labels)
        self.metric = metric
        self.margin = margin

    def attach(self, engine: Engine) -> None:
        """Look at the metric whenever the validation has ended."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Look at the metric of the last validation."""
        accuracy = float(engine.state.metrics[self.metric])
        if accuracy < self.chance + self.margin * (1 - self.chance):
            # the epoch makes each text a new one: Python shows equal warnings once
            warnings.warn(
                f"epoch {engine.state.epoch}: the classifier is right in {accuracy:.0%} of the noisy validation images,"
                f" and the most frequent class makes up {self.chance:.0%}: it can hardly guide yet. If this stays after"
                " the ramp of its noise levels, train anew with another --seed or a lower --classifier_learning_rate,"
                " and --resume False.",
                stacklevel=2,
            )
