# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch

from .parametrization import Parametrization
from .schedule import Level, NoiseSchedule

__all__ = ["Denoiser", "Prediction", "clip_range"]


def clip_range(clip: Sequence[float] | None) -> tuple[float, float] | None:
    """A range to clamp clean images to, as two numbers; None stays None.

    Raises:
        ValueError: when it is not two rising numbers.
    """
    if clip is None:
        return None
    if len(clip) != 2 or not float(clip[0]) < float(clip[1]):
        raise ValueError(f"clip must be [low, high] with low < high, got {clip!r}")
    return float(clip[0]), float(clip[1])


@dataclass
class Prediction:
    """What a denoiser predicts for a noisy image x (N, C, ...).

    Args:
        eps: the noise in x, (N, C, ...).
        x0: the clean image, (N, C, ...).
        variance: the raw variance output in about [-1, 1] of a network that learns it, else None.

    Example::

        x = torch.randn(2, 1, 8, 8)
        prediction = Prediction(eps=x, x0=torch.zeros_like(x))
        assert prediction.variance is None
    """

    eps: torch.Tensor
    x0: torch.Tensor
    variance: torch.Tensor | None = None


class Denoiser:
    """(x, level) -> `Prediction`: a network with everything that stays fixed while a solver runs.

    Args:
        network: called as ``network(x, timesteps=t, class_labels=y)`` (labels only where they are given); twice as many
            output channels as image channels mean a learned variance.
        schedule: the noise schedule the network was trained on.
        class_label: the class the network is told, one for all or a tensor (N,); None for an unconditional network.
        condition: images (N, K, ...) put before x along the channels (thesis ch. 5).
        clip: range the predicted clean image is clamped to; eps is then derived anew from it, as the published code
            does. The thesis' equations have none.
        prediction: what the network predicts, see `Parametrization`.
        autocast: floating type of the network's arithmetic on the device of x (e.g. ``torch.bfloat16``); None:
            unchanged.
        away_label: the class to move away from, with ``label_scale``.
        label_scale: w, extrapolates between two classes, ``eps(class_label) + w (eps(class_label) - eps(away_label))``:
            classifier-free guidance (arXiv:2207.12598, eq. 6) with a class in place of no class. 0 costs nothing,
            anything else a second network evaluation.

    Raises:
        ValueError: when ``clip`` is not two rising numbers, or ``prediction`` is unknown.

    Example::

        levels = {"channels": (8, 8), "num_res_blocks": 1, "attention_levels": (False, False), "norm_num_groups": 8}
        network = DiffusionModelUNet(2, 1, 1, **levels)
        denoiser = Denoiser(network, NoiseSchedule(), clip=(-1, 1))
        prediction = denoiser(torch.randn(2, 1, 8, 8), 500)  # prediction.eps, prediction.x0
    """

    def __init__(
        self,
        network: Any,
        schedule: NoiseSchedule,
        class_label: int | torch.Tensor | None = None,
        condition: torch.Tensor | None = None,
        clip: Sequence[float] | None = None,
        prediction: str = "epsilon",
        autocast: torch.dtype | None = None,
        away_label: int | torch.Tensor | None = None,
        label_scale: float = 0.0,
    ) -> None:
        self.network = network
        self.schedule = schedule
        self.class_label = class_label
        self.condition = condition
        self.clip = clip_range(clip)
        self._parametrization = Parametrization(schedule, prediction)
        self.autocast = autocast
        self.away_label = away_label
        self.label_scale = label_scale

    def __call__(self, x: torch.Tensor, level: Level) -> Prediction:
        """Predict noise and clean image of x (N, C, ...) at a level (see `NoiseSchedule`).

        Raises:
            ValueError: when the network gives neither C nor 2 C channels.
        """
        channels = x.shape[1]
        output = self._evaluate(x, level, self.class_label)
        if output.shape[1] not in (channels, 2 * channels):
            raise ValueError(f"expected {channels} or, with a variance, {2 * channels} channels, got {output.shape[1]}")
        variance = output[:, channels:] if output.shape[1] == 2 * channels else None
        output = output[:, :channels]
        if self.label_scale != 0:
            output = output + self.label_scale * (output - self._evaluate(x, level, self.away_label)[:, :channels])
        return self._interpret(x, output, variance, level)

    def take(self, index: Sequence[int]) -> Denoiser:
        """The denoiser of some of the batch's images: their conditions and classes; one may be taken repeatedly."""
        taken = copy(self)
        for name in ("condition", "class_label", "away_label"):
            value = getattr(self, name)
            if isinstance(value, torch.Tensor) and value.ndim > 0:
                one_for_all = len(value) == 1
                chosen = value.expand(len(index), *value.shape[1:]) if one_for_all else value[list(index)]
                setattr(taken, name, chosen)
        return taken

    def _evaluate(self, x: torch.Tensor, level: Level, label: int | torch.Tensor | None) -> torch.Tensor:
        inputs = x if self.condition is None else torch.cat([self.condition, x], dim=1)
        kwargs: dict[str, Any] = {"timesteps": self.schedule.timesteps(level, x)}
        if label is not None:
            kwargs["class_labels"] = torch.as_tensor(label, device=x.device).expand(x.shape[0])
        with torch.autocast(x.device.type, self.autocast) if self.autocast else nullcontext():
            output = self.network(inputs, **kwargs)
        return output.to(x.dtype)

    def _interpret(
        self, x: torch.Tensor, output: torch.Tensor, variance: torch.Tensor | None, level: Level
    ) -> Prediction:
        eps, x0 = self._parametrization.read(x, output, level)
        if self.clip is not None:
            x0 = x0.clamp(*self.clip)
            eps = self._parametrization.noise_in(x, x0, level)
        return Prediction(eps, x0, variance)
