# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence

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
        task: name of the regressor; None: a subclass predicts without a network.
        direction: in place of a target: +1 raises the value, -1 lowers it, without end.
        factor: in place of a target: the target is so many times the value of the clean images, measured at level 0;
            `bind` needs them.
        shift: in place of a target: the target is this value and so much more (0: the value stays).

    Raises:
        ValueError: when more than one of target, direction, factor and shift is given, the direction is neither 1 nor
            -1, or the factor or the shift is not finite.
        DataError: when bound, without a target, with one where there is a direction, a factor or a shift, or one of
            another shape; in use, when the network has not one output.

    Example::

        def regressor(x, timesteps):
            return x.flatten(1).mean(1)

        guide = RegressionGuidance(scale=1000.0).bind(regressor, NoiseSchedule(), target=torch.tensor([0.1, 0.2]))
        term = guide(torch.rand(2, 1, 8, 8), 300)
    """

    wanted: torch.Tensor
    """Of a bound guide with a target, a factor or a shift: what it leads to, (N,) or (1,)."""

    def __init__(
        self,
        target: float | torch.Tensor | None = None,
        scale: float | torch.Tensor = 1.0,
        interval: Sequence[float] = (0.0, math.inf),
        task: str | None = "regressor",
        *,
        direction: int | None = None,
        factor: float | None = None,
        shift: float | None = None,
    ) -> None:
        super().__init__(target, scale, interval, task)
        given = {"target": target, "direction": direction, "factor": factor, "shift": shift}
        if sum(v is not None for v in given.values()) > 1:
            raise ValueError(f"give one of target, direction, factor and shift, got {given}")
        if direction not in (None, 1, -1):
            raise ValueError(f"direction must be 1 or -1, got {direction!r}")
        for name, number in (("factor", factor), ("shift", shift)):
            if number is not None and not (isinstance(number, (int, float)) and math.isfinite(number)):
                raise ValueError(f"{name} must be a finite number, got {number!r}")
        self.direction = direction
        self.factor = factor
        self.shift = shift

    @property
    def is_relative(self) -> bool:
        """Whether the target is found from the clean images' own value."""
        return self.factor is not None or self.shift is not None

    def predict(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """R(x, t), (N,), of images (N, C, ...) at the network's timesteps (N,)."""
        value = self.network(x, timesteps=timesteps)
        if value.shape not in ((len(x), 1), (len(x),)):
            raise DataError(
                f"expected a regressor with one output, found the shape {tuple(value.shape)} for {len(x)} images"
            )
        return value.reshape(-1).to(torch.promote_types(value.dtype, torch.float32))

    def prepare(self) -> None:
        """Check the target, or measure the clean images and multiply or add."""
        if self.direction is not None or self.is_relative:
            if self.target is not None:
                raise DataError("expected no target where the guide has a direction, a factor or a shift, found one")
            if self.is_relative and not self.is_off:
                factor = 1.0 if self.factor is None else self.factor
                self.wanted = factor * self.measure() + (self.shift or 0.0)
        elif self.target is None:
            raise DataError("expected a target, a direction, a factor or a shift of the regression, found none")
        elif self.target.shape[1:].numel() != 1:
            raise DataError(
                f"expected a number, or one for each image (N,), as target of the regression, found the shape "
                f"{tuple(self.target.shape)}"
            )
        else:
            self.wanted = self.target.reshape(-1)

    def measure(self) -> torch.Tensor:
        """The value (N,) of the clean images at level 0."""
        return self.of_clean_images(self.predict)

    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        value = self.predict(x, timesteps)
        if self.direction is not None:
            return self.direction * value
        return -(self.wanted.to(value) - value).square() / 2
