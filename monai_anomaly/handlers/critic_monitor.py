# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.utils import AdversarialKeys

from .finite_loss import broken_training, check_weights

__all__ = ["CriticMonitor"]

ADVICE = (
    "Lower critic_learning_rate and learning_rate, or raise the weight of the gradient penalty; "
    "or switch mixed precision off (--autocast float32)."
)


class CriticMonitor:
    r"""Stop an adversarial training that is broken, before the broken weights are saved.

    Broken means that a loss, a term of it, or a weight is no longer a number, or that the critic diverged. A critic
    whose slope is held at 1 cannot tell two images apart by more than their Euclidean distance, for which images of V
    values in a range R have no more than :math:`R \sqrt{V}`. A critic that claims more has escaped its gradient
    penalty, and what the generator learns of it is worthless.

    Args:
        data_range: R, the width of the intensity range of the images.
        tolerance: how many times the bound the adversarial term of the critic, ``d_adv``, may be in the mean of the
            last iterations; infinity for a critic without a penalty.
        smoothing: share that the mean of the last iterations keeps in each; it begins with 0.

    Raises:
        ValueError: when the smoothing is not in [0, 1).
    """

    def __init__(self, data_range: float = 2.0, tolerance: float = 2.0, smoothing: float = 0.9) -> None:
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must be in [0, 1), got {smoothing}")
        self.data_range = data_range
        self.tolerance = tolerance
        self.smoothing = smoothing
        self.distance = 0.0

    def attach(self, engine: Engine) -> None:
        """Look at the losses after every iteration of a `CriticTrainer`, at the weights after every epoch; attach
        before what saves."""
        engine.add_event_handler(Events.STARTED, self.reset)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, check_weights)

    def reset(self, engine: Engine) -> None:
        """Forget the iterations before."""
        self.distance = 0.0

    def __call__(self, engine: Engine) -> None:
        """Look at the last losses and their terms.

        Raises:
            FloatingPointError: when one is NaN or infinite, or the critic diverged.
        """
        output: Any = engine.state.output
        names = (AdversarialKeys.DISCRIMINATOR_LOSS, AdversarialKeys.GENERATOR_LOSS)
        losses = {**output["terms"], **{str(k.value): output[k] for k in names if output[k] is not None}}
        # one transfer from the device for all
        values = dict(zip(losses, torch.stack([v.detach().float() for v in losses.values()]).tolist(), strict=True))
        for name, value in values.items():
            if not math.isfinite(value):
                raise broken_training(engine, f"'{name}' became {value}", ADVICE)
        if "d_adv" in values:
            self.distance = self.smoothing * self.distance + (1 - self.smoothing) * abs(values["d_adv"])
            bound = self.data_range * math.sqrt(output["image"][0].numel())
            if self.distance > self.tolerance * bound:
                problem = f"the critic diverged ('d_adv' averages {self.distance:.3g}; a slope of 1 allows {bound:.3g})"
                raise broken_training(engine, problem, ADVICE)
