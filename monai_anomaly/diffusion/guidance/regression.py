# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext

import torch

from ...utils import DataError
from .base import Guidance

__all__ = ["RegressionGuidance"]


class RegressionGuidance(Guidance):
    """Toward a value of a noise-conditioned regressor R(x, t), or up or down (thesis ch. 8, Algorithm 1).

    A target i is led to by log p = -(i - R)^2 / 2, whose gradient is (i - R) grad R: the factor s_t = i - R of the
    algorithm. A direction is log p = +-R, s_t = +-1. The algorithm's constant c is the scale.

    The network is called as ``network(x, timesteps=t)`` and returns (N, 1) or (N,).

    Args:
        target: the value i, one for all or a tensor (N,); it may also come with `bind`.
        scale: c, see `Guidance`.
        interval: see `Guidance`.
        task: name of the regressor.
        direction: in place of a target: +1 raises the value, -1 lowers it, without end.
        factor: in place of a target: the target is so many times the value of the clean images, measured at level 0;
            `bind` needs them.

    Raises:
        ValueError: when more than one of target, direction and factor is given, the direction is neither 1 nor -1, or
            the factor is not finite.
        DataError: when bound, without a target, with one where there is a direction or a factor, or one of another
            shape; in use, when the network has not one output.

    Example::

        def regressor(x, timesteps):
            return x.flatten(1).mean(1)

        guide = RegressionGuidance(scale=1000.0).bind(regressor, NoiseSchedule(), target=torch.tensor([0.1, 0.2]))
        term = guide(torch.rand(2, 1, 8, 8), 300)
    """

    def __init__(
        self,
        target: float | torch.Tensor | None = None,
        scale: float | torch.Tensor = 1.0,
        interval: Sequence[float] = (0.0, math.inf),
        task: str = "regressor",
        *,
        direction: int | None = None,
        factor: float | None = None,
    ) -> None:
        super().__init__(target, scale, interval, task)
        if sum(v is not None for v in (target, direction, factor)) > 1:
            raise ValueError(f"give one of target, direction and factor, got {target!r}, {direction!r} and {factor!r}")
        if direction not in (None, 1, -1):
            raise ValueError(f"direction must be 1 or -1, got {direction!r}")
        if factor is not None and not (isinstance(factor, (int, float)) and math.isfinite(factor)):
            raise ValueError(f"factor must be a finite number, got {factor!r}")
        self.direction = direction
        self.factor = factor

    def predict(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """R(x, t), (N,), of images (N, C, ...) at the network's timesteps (N,)."""
        value = self.network(x, timesteps=timesteps)
        if value.shape not in ((len(x), 1), (len(x),)):
            raise DataError(
                f"expected a regressor with one output, found the shape {tuple(value.shape)} for {len(x)} images"
            )
        return value.reshape(-1).to(torch.promote_types(value.dtype, torch.float32))

    def prepare(self) -> None:
        """Check the target, or measure the clean images and multiply."""
        if self.direction is not None or self.factor is not None:
            if self.target is not None:
                raise DataError("expected no target where the guide has a direction or a factor, found one")
            if self.factor is not None and not self.is_off:
                self._wanted = self.factor * self.measure()
        elif self.target is None:
            raise DataError("expected a target, a direction or a factor of the regression, found none")
        elif self.target.shape[1:].numel() != 1:
            raise DataError(
                f"expected a number, or one for each image (N,), as target of the regression, found the shape "
                f"{tuple(self.target.shape)}"
            )
        else:
            self._wanted = self.target.reshape(-1)

    def measure(self) -> torch.Tensor:
        """The value (N,) of the clean images at level 0."""
        if self.image is None:
            raise ValueError(f"{type(self).__name__} needs the clean images: bind(..., image=...)")
        precision = torch.autocast(self.image.device.type, self.autocast) if self.autocast else nullcontext()
        with torch.inference_mode(False), torch.no_grad(), precision:
            return self.predict(self.image, self._schedule().timesteps(0, self.image))

    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        value = self.predict(x, timesteps)
        if self.direction is not None:
            return self.direction * value
        return -(self._wanted.to(value) - value).square() / 2
