# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from typing import Any, TypeVar

import torch

from ...utils import DataError, frozen
from ..schedule import Level, NoiseSchedule, coefficient
from .checks import as_target, check_count, check_mask, usable

__all__ = ["Guidance"]

Self = TypeVar("Self", bound="Guidance")  # typing has it from Python 3.11 on


class Guidance(ABC):
    """(x, level) -> the term added to eps that raises a log-likelihood: -scale sqrt(1 - abar) grad log p(x).

    Dhariwal & Nichol (arXiv:2105.05233), eq. 14; thesis ch. 7, Algorithm 1. A guide is made without a network, as a
    configuration names it; :py:meth:`bind` gives a copy that can be called. Works inside ``torch.no_grad`` (MONAI's
    evaluators) and ``torch.inference_mode``. A guide of one's own defines :py:meth:`log_likelihood` of ``self.target``,
    ``self.network`` and ``self.image``, and where there is something to check or to compute once :py:meth:`prepare`.

    Args:
        target: what to lead to: a number for all images or a tensor (N, ...); None: nothing, or given to `bind`.
        scale: the gradient scale s, one for all or a tensor (N,).
        interval: levels (low, high] in which the guide acts; outside the term is zero and costs nothing.
        task: name of the network that it asks, among those trained with the diffusion model; None: it needs none.

    Raises:
        ValueError: when ``low`` is above ``high``; with an empty interval the guide never acts.

    Example::

        class Brightness(Guidance):
            def log_likelihood(self, x, timesteps):
                return -(self.target - x.flatten(1).mean(1)).square() / 2

        guide = Brightness(target=0.3, scale=500.0).bind(None, NoiseSchedule())
        term = guide(torch.rand(2, 1, 8, 8), 500)  # to be added to eps
    """

    network: Any = None
    schedule: NoiseSchedule | None = None
    image: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    autocast: torch.dtype | None = None

    def __init__(
        self,
        target: Any = None,
        scale: float | torch.Tensor = 1.0,
        interval: Sequence[float] = (0.0, math.inf),
        task: str | None = None,
    ) -> None:
        if len(interval) != 2 or not interval[0] <= interval[1]:
            raise ValueError(f"interval must be (low, high) with low <= high, got {interval!r}")
        self.target = target
        self.scale = scale if isinstance(scale, torch.Tensor) else float(scale)
        self.interval = (float(interval[0]), float(interval[1]))
        self.task = task

    def bind(
        self: Self,
        network: Any,
        schedule: NoiseSchedule,
        *,
        image: torch.Tensor | None = None,
        target: Any = None,
        mask: torch.Tensor | None = None,
        autocast: torch.dtype | None = None,
    ) -> Self:
        """A copy of the guide for the images of one decoding.

        Args:
            network: the network of the guide's task; its parameters are left alone. None where ``task`` is None.
            schedule: the noise schedule it was trained on.
            image: the clean images (N, C, ...) that are decoded, for guides that look at them.
            target: of these images, a number or (N, ...); None: the guide's own.
            mask: where the guide acts, (N, 1, ...) with values in [0, 1] that the term is multiplied with; None:
                everywhere.
            autocast: floating type of the network's arithmetic; None: unchanged.

        Raises:
            ValueError: when there is no network for the task.
            DataError: when the target is not finite numbers, is not one for each image or is not what the guide can
                lead to; or the mask lies on another grid, has values outside of [0, 1], or none above 0.
        """
        if network is None and self.task is not None:
            raise ValueError(f"{type(self).__name__} needs the network of its task {self.task!r}, got None")
        bound = copy(self)
        bound.network, bound.schedule, bound.autocast = network, schedule, autocast
        bound.image = None if image is None else usable(image)
        bound.target = as_target(self.target if target is None else target)
        bound.mask = None if mask is None else usable(mask)
        if bound.mask is not None:
            check_mask("mask to act in", bound.mask, image)
            if bound.mask.shape[1] != 1 or not bool(bound.mask.any()):
                raise DataError(
                    f"expected a mask to act in of one channel with a pixel above 0, found {bound.mask.shape[1]} "
                    f"channel(s) and {int(bound.mask.count_nonzero())} pixels"
                )
        if image is not None:
            check_count("target", bound.target, image)
            check_count("scale", bound.scale, image)
            if bound.target is not None and bound.target.ndim > 0:
                bound.target = bound.target.to(image.device)
        bound.prepare()
        return bound

    def prepare(self) -> None:  # noqa: B027 - most guides have nothing to prepare
        """Check the target and compute what is the same at every level; called once, on the bound copy."""

    @abstractmethod
    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """log p of what is wanted given x (N, C, ...) at the network's timesteps (N,); (N,)."""

    def gradient(self, x: torch.Tensor, level: Level) -> torch.Tensor:
        """Gradient of the log-likelihood with respect to x (N, C, ...), same shape."""
        schedule = self._schedule()
        with torch.inference_mode(False), torch.enable_grad(), frozen(self.network):
            # a clone: what was made in inference mode can never ask for a gradient
            x = x.detach().clone().requires_grad_(True)
            with self._precision(x):
                total = self.log_likelihood(x, schedule.timesteps(level, x)).sum()
            return torch.autograd.grad(total, x)[0]

    def of_clean_images(self, ask: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """What ``ask(x, timesteps)`` says of the clean images at level 0; no gradient goes through it.

        Raises:
            ValueError: when the guide is bound without images.
        """
        if self.image is None:
            raise ValueError(f"{type(self).__name__} needs the clean images: bind(..., image=...)")
        with torch.inference_mode(False), torch.no_grad(), self._precision(self.image):
            return ask(self.image, self._schedule().timesteps(0, self.image))

    def _precision(self, x: torch.Tensor) -> AbstractContextManager:
        return torch.autocast(x.device.type, self.autocast) if self.autocast else nullcontext()

    @property
    def is_off(self) -> bool:
        """Whether the scale is zero."""
        return not isinstance(self.scale, torch.Tensor) and self.scale == 0

    def acts_at(self, level: Level) -> bool:
        """Whether the term is anything but zero at a level, or at any of several."""
        inside = self._inside(level)
        return not self.is_off and bool(inside.any() if isinstance(inside, torch.Tensor) else inside)

    def _inside(self, level: Level) -> bool | torch.Tensor:
        low, high = self.interval
        return (level > low) & (level <= high)

    def _schedule(self) -> NoiseSchedule:
        if self.schedule is None:
            name = type(self).__name__
            raise ValueError(f"{name} is not bound to a network and a schedule: call {name}.bind(network, schedule)")
        return self.schedule

    def __call__(self, x: torch.Tensor, level: Level) -> torch.Tensor | float:
        """The term to add to eps, shaped as x; 0.0 where the guide does not act.

        Raises:
            ValueError: when the guide is not bound.
            DataError: when target, scale or mask is not that of these images.
        """
        schedule = self._schedule()
        if not self.acts_at(level):
            return 0.0
        for name in ("target", "scale", "mask"):
            check_count(name, getattr(self, name), x)
        noise = (1 - schedule.alpha_bar(level)) ** 0.5 * self._inside(level)
        term = -coefficient(noise, x) * coefficient(self.scale, x) * self.gradient(x, level)
        return term if self.mask is None else term * self.mask.to(x)
