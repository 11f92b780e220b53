# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import math

from ignite.engine import Engine, Events

__all__ = ["ShortTraining"]

SHORT = 1 / 3


class ShortTraining:
    """Warn before a training of far fewer iterations than the configuration is meant for: its epochs were chosen for
    thousands of slices, of which a user may have a few hundred.

    Args:
        usual: iterations of the training that the default was chosen for; below a third of them brings the warning.
    """

    def __init__(self, usual: int) -> None:
        self.usual = usual
        self.logger = logging.getLogger(__name__)

    def attach(self, engine: Engine) -> None:
        """Look when the trainer starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Count the iterations."""
        epochs, length = engine.state.max_epochs, engine.state.epoch_length
        if epochs and length and epochs * length < SHORT * self.usual:
            self.logger.warning(
                "a short training: %d epochs of %d iterations are %d, the default is meant for %d; with so few images "
                "--epochs %d makes as many",
                epochs,
                length,
                epochs * length,
                self.usual,
                math.ceil(self.usual / length),
            )
