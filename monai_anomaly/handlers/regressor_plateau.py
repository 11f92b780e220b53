# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings

from ignite.engine import Engine, Events

__all__ = ["RegressorPlateau"]


class RegressorPlateau:
    """Warn when a validation finds that a regressor is hardly better than naming the mean of the numbers.

    As a classifier (`ClassifierPlateau`), a regressor that knows nothing leads nowhere, while the loss looks well.

    Args:
        metric: name of the coefficient of determination R^2 among the metrics of the validation, e.g. of ignite's
            ``R2Score``: 1 where every number is right, 0 where the mean is named.
        margin: what it must have reached.
    """

    def __init__(self, metric: str, margin: float = 0.1) -> None:
        self.metric = metric
        self.margin = margin

    def attach(self, engine: Engine) -> None:
        """Look at the metric whenever the validation has ended."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Look at the metric of the last validation."""
        r2 = float(engine.state.metrics[self.metric])
        if not r2 >= self.margin:  # NaN where all numbers are equal
            # the epoch makes each text a new one: Python shows equal warnings once
            warnings.warn(
                f"epoch {engine.state.epoch}: {self.metric} is {r2:.2f}, and naming the mean would make it 0: the "
                "regressor can hardly guide yet. If this stays after the ramp of its noise levels, train longer, or "
                "anew with another --seed or a lower learning rate, and --resume False.",
                stacklevel=2,
            )
