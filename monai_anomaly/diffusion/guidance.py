# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, TypeAlias

import torch

from ..utils import check_class_logits, frozen
from .schedule import Level, NoiseSchedule, coefficient

__all__ = ["ClassifierGuidance", "Guidance", "GuidanceSum", "Guide"]


class Guidance(ABC):
    """(x, level) -> the term added to eps that raises a log-likelihood: -scale sqrt(1 - abar) grad log p(x).

    Dhariwal & Nichol (arXiv:2105.05233), eq. 14; thesis ch. 7, Algorithm 1. Works inside ``torch.no_grad`` (MONAI's
    evaluators) and ``torch.inference_mode``.

    Args:
        network: the guide; its parameters are left alone.
        schedule: the noise schedule the guide was trained on.
        scale: the gradient scale s, one for all or a tensor (N,).
        interval: levels (low, high] in which the guide acts; outside the term is zero and costs nothing.
        autocast: floating type of the guide's arithmetic; None: unchanged.

    Raises:
        ValueError: when ``low`` is above ``high``; with an empty interval the guide never acts.

    Example::

        class Darker(Guidance):
            def log_likelihood(self, x, timesteps):
                return -x.flatten(1).square().sum(1)

        term = Darker(None, NoiseSchedule(), scale=3.0)(torch.rand(2, 1, 8, 8), 500)  # to be added to eps
    """

    def __init__(
        self,
        network: Any,
        schedule: NoiseSchedule,
        scale: float | torch.Tensor = 1.0,
        interval: tuple[float, float] = (0.0, math.inf),
        autocast: torch.dtype | None = None,
    ) -> None:
        self.network = network
        self.schedule = schedule
        self.scale = scale
        if not interval[0] <= interval[1]:
            raise ValueError(f"interval must be (low, high) with low <= high, got {interval!r}")
        self.interval = interval
        self.autocast = autocast

    @abstractmethod
    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """log p of what is wanted given x (N, C, ...) at the network's timesteps (N,); (N,)."""

    def gradient(self, x: torch.Tensor, level: Level) -> torch.Tensor:
        """Gradient of the log-likelihood with respect to x (N, C, ...), same shape."""
        with torch.inference_mode(False), torch.enable_grad(), frozen(self.network):
            # a clone: what was made in inference mode can never ask for a gradient
            x = x.detach().clone().requires_grad_(True)
            with torch.autocast(x.device.type, self.autocast) if self.autocast else nullcontext():
                total = self.log_likelihood(x, self.schedule.timesteps(level, x)).sum()
            return torch.autograd.grad(total, x)[0]

    def acts_at(self, level: Level) -> bool:
        """Whether the term is anything but zero at a level, or at any of several."""
        inside = self._inside(level)
        unscaled = not isinstance(self.scale, torch.Tensor) and self.scale == 0
        return not unscaled and bool(inside.any() if isinstance(inside, torch.Tensor) else inside)

    def _inside(self, level: Level) -> bool | torch.Tensor:
        low, high = self.interval
        return (level > low) & (level <= high)

    def __call__(self, x: torch.Tensor, level: Level) -> torch.Tensor | float:
        """The term to add to eps, shaped as x; 0.0 where the guide does not act."""
        if not self.acts_at(level):
            return 0.0
        noise = (1 - self.schedule.alpha_bar(level)) ** 0.5 * self._inside(level)
        return -coefficient(noise, x) * coefficient(self.scale, x) * self.gradient(x, level)


class ClassifierGuidance(Guidance):
    """Toward a class: log softmax of a noise-conditioned classifier's logits (thesis ch. 7, Algorithm 1).

    Args:
        network: called as ``network(x, timesteps=t)``, returns logits (N, classes).
        schedule: the noise schedule.
        target: the class to move to (0: healthy), one for all or a tensor (N,).
        **kwargs: ``scale``, ``interval``, ``autocast`` of `Guidance`.

    Raises:
        DataError: in use, when the classifier has fewer than two classes or no class ``target``, see
            `check_class_logits`.

    Example::

        levels = {"channels": (8, 8), "attention_levels": (False, False), "norm_num_groups": 8, "num_head_channels": 8}
        classifier = NoiseConditionedEncoder(in_channels=1, pool="local", **levels)
        guidance = ClassifierGuidance(classifier, NoiseSchedule(), target=0, scale=100.0, interval=(0, 400))
        denoiser = Denoiser(lambda x, timesteps: x, NoiseSchedule())
        healthy = solve(denoiser, torch.rand(2, 1, 16, 16), uniform_grid(500, 5)[::-1], guidance=guidance)
    """

    def __init__(self, network: Any, schedule: NoiseSchedule, target: int | torch.Tensor = 0, **kwargs: Any) -> None:
        super().__init__(network, schedule, **kwargs)
        self.target = target

    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        log_p = self.network(x, timesteps=timesteps).float().log_softmax(1)
        check_class_logits(log_p, self.target)
        target = torch.as_tensor(self.target, device=x.device).expand(len(x))
        return log_p.gather(1, target[:, None])[:, 0]


class GuidanceSum:
    """The sum of several guides, each with its own scale and interval.

    Args:
        terms: the guides.

    Example::

        schedule, logits = NoiseSchedule(), lambda x, timesteps: x.flatten(1)[:, :2]
        early = ClassifierGuidance(logits, schedule, target=0, interval=(250, 500))
        late = ClassifierGuidance(logits, schedule, target=0, scale=10.0, interval=(0, 250))
        term = GuidanceSum([early, late])(torch.rand(2, 1, 8, 8), 100)
    """

    def __init__(self, terms: Sequence[Guidance]) -> None:
        self.terms = tuple(terms)

    def __call__(self, x: torch.Tensor, level: Level) -> torch.Tensor | float:
        """The sum of the terms that act at this level."""
        return sum((term(x, level) for term in self.terms), start=0.0)


Guide: TypeAlias = Guidance | GuidanceSum
