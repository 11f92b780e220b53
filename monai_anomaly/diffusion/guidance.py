# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from .schedule import Level, NoiseSchedule, coefficient

__all__ = ["ClassifierGuidance", "Guidance", "GuidanceSum"]


@contextmanager
def _frozen(network: Any) -> Iterator[None]:
    """Parameters need no gradient inside the block: half of the backward pass and its memory."""
    parameters = [p for p in network.parameters() if p.requires_grad] if isinstance(network, torch.nn.Module) else []
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)


class Guidance(ABC):
    """(x, level) -> the term added to eps that raises a log-likelihood: -scale sqrt(1 - abar) grad log p(x).

    Dhariwal & Nichol (arXiv:2105.05233), eq. 14; thesis ch. 7, Algorithm 1. Works inside ``torch.no_grad`` (MONAI's
    evaluators), not inside ``torch.inference_mode``.

    Args:
        network: the guide; its parameters are left alone.
        schedule: the noise schedule the guide was trained on.
        scale: the gradient scale s, one for all or a tensor (N,).
        interval: levels (low, high] in which the guide acts; outside the term is zero and costs nothing.
        autocast: floating type of the guide's arithmetic; None: as it is.
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
        self.interval = interval
        self.autocast = autocast

    @abstractmethod
    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """log p of what is wanted given x (N, C, ...) at the network's timesteps (N,); (N,)."""

    def gradient(self, x: torch.Tensor, level: Level) -> torch.Tensor:
        """Gradient of the log-likelihood with respect to x (N, C, ...), same shape."""
        with torch.enable_grad(), _frozen(self.network):
            x = x.detach().requires_grad_(True)
            with torch.autocast(x.device.type, self.autocast) if self.autocast else nullcontext():
                total = self.log_likelihood(x, self.schedule.timesteps(level, x)).sum()
            return torch.autograd.grad(total, x)[0]

    def acts_at(self, level: Level) -> bool:
        """Whether the term is anything but zero at a level."""
        if isinstance(level, torch.Tensor):
            return True
        unscaled = isinstance(self.scale, (int, float)) and self.scale == 0
        return self.interval[0] < level <= self.interval[1] and not unscaled

    def __call__(self, x: torch.Tensor, level: Level) -> torch.Tensor | float:
        """The term to add to eps, shaped as x; 0.0 where the guide does not act."""
        if not self.acts_at(level):
            return 0.0
        weight = coefficient((1 - self.schedule.alpha_bar(level)) ** 0.5, x) * coefficient(self.scale, x)
        return -weight * self.gradient(x, level)


class ClassifierGuidance(Guidance):
    """Towards a class: log softmax of a noise-conditioned classifier's logits (thesis ch. 7, Algorithm 1).

    Args:
        network: called as ``network(x, timesteps=t)``, returns logits (N, classes).
        schedule: the noise schedule.
        target: the class to move to (0: healthy), one for all or a tensor (N,).
        **kwargs: ``scale``, ``interval``, ``autocast`` of `Guidance`.
    """

    def __init__(self, network: Any, schedule: NoiseSchedule, target: int | torch.Tensor = 0, **kwargs: Any) -> None:
        super().__init__(network, schedule, **kwargs)
        self.target = target

    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        log_p = self.network(x, timesteps=timesteps).float().log_softmax(1)
        target = torch.as_tensor(self.target, device=x.device).expand(len(x))
        return log_p.gather(1, target[:, None])[:, 0]


class GuidanceSum:
    """The sum of several guides, each with its own scale and interval.

    Args:
        terms: the guides.
    """

    def __init__(self, terms: Sequence[Guidance]) -> None:
        self.terms = tuple(terms)

    def __call__(self, x: torch.Tensor, level: Level) -> torch.Tensor | float:
        """The sum of the terms that act at this level."""
        return sum((term(x, level) for term in self.terms), start=0.0)
