# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from warnings import warn

import torch

from ..diffusion import (
    Denoiser,
    Guide,
    Noise,
    NoiseSchedule,
    Trajectory,
    check_grid,
    clip_range,
    make_grid,
    round_trip_gaps,
    sample_ancestral,
    solve,
    solve_back,
)
from ..utils import one_of
from .finite import unhidden

__all__ = ["DECODING", "ENCODING", "RESAMPLING", "Encoding", "TranslationScheme"]

ENCODING, DECODING, RESAMPLING = range(3)
"""Where an image meets noise; each has a stream of its own."""

Label: TypeAlias = "int | torch.Tensor | None"


@dataclass
class Encoding:
    """A batch of images on their way: the noisy images (N, C, H, W) at level L and, for exact inversion, the way
    there."""

    latent: torch.Tensor
    trajectory: Trajectory | None = None


class TranslationScheme:
    """The way of a translation: from an image to level L, and from there back to an image.

    The thesis' schemes (ch. 7 and 8: ``steps=level, order=1, exact=False, substeps=1``), their DDPM ablation
    (``encoding="noise", decoding="ancestral"``) and the fast default differ in arguments only. What leads the way back
    is a guide's business.

    Args:
        level: the noise level L in 1..T.
        steps: intervals of the grid from 0 to L; as many network evaluations to encode, one more when exact, and as
            many to decode.
        grid: ``"uniform"``, ``"strided"``, ``"karras"`` or a respacing (see `make_grid`), or explicit increasing levels
            (then level and steps do not count).
        decoding_grid: explicit decreasing levels for decoding when they are not the encoding's reversed (the published
            code). Where a grid starts elsewhere than the image is, as in the published code, a warning says so.
        order: 1, DDIM, or 2, two-step Adams-Bashforth.
        exact: undo the encoding exactly, so that the result shows guidance (and a change of label) alone, none of the
            solver's drift; has no effect with a ``decoding_grid`` or a stochastic variant.
        substeps: evaluations of the guides in each interval.
        encoding: ``"ddim"`` or ``"noise"`` (random noising to L, the ablation).
        decoding: ``"ddim"`` or ``"ancestral"`` (DDPM sampling).
        start_level: noise the image at random to this level before the DDIM encoding; 1, and the grid that goes with
            it, is the published code; 0 starts from the image itself, as Algorithm 1 does.
        clip: range predicted clean images are clamped to; None, the thesis' equations, for none.
        encoding_label: class the diffusion network is told while encoding; None for a network without classes.
        decoding_label: the same while decoding; None: as encoding.
        label_scale: w >= 0, how far beyond the decoding label, away from the encoding label, the noise is
            extrapolated while decoding (see `Denoiser`); anything but 0 doubles the cost of a decoding step. With one
            label there is nothing to extrapolate.
        schedule: the noise schedule; None: linear, T = 1000.

    Raises:
        ValueError: when a name, the order, a level, a grid, a range or a count is not one of those above, or a start
            level meets the random encoding.

    Example::

        scheme = TranslationScheme(level=400, steps=10)
        denoiser = scheme.denoiser(lambda x, timesteps: x, direction=0)
        image = torch.rand(2, 1, 8, 8)
        encoding = scheme.encode(denoiser, image)
        torch.testing.assert_close(scheme.decode(denoiser, encoding, None), image)  # exact, and not guided
    """

    def __init__(
        self,
        level: int = 500,
        steps: int = 12,
        grid: str | Sequence[float] = "uniform",
        decoding_grid: Sequence[float] | None = None,
        order: int = 2,
        exact: bool = True,
        substeps: int = 4,
        encoding: str = "ddim",
        decoding: str = "ddim",
        start_level: float = 0,
        clip: tuple[float, float] | None = None,
        encoding_label: int | None = None,
        decoding_label: int | None = None,
        label_scale: float = 0.0,
        schedule: NoiseSchedule | None = None,
    ) -> None:
        one_of("encoding", encoding, ("ddim", "noise"))
        one_of("decoding", decoding, ("ddim", "ancestral"))
        one_of("order", order, (1, 2))
        for name, number, least in (("substeps", substeps, 1), ("label_scale", label_scale, 0)):
            if number < least:
                raise ValueError(f"{name} must be at least {least}, got {number}")
        self.schedule = schedule or NoiseSchedule()
        if start_level and encoding == "noise":
            raise ValueError(f"start_level must be 0 with encoding='noise', which noises at random, got {start_level}")
        self.start_level = self.schedule.check_level(start_level, "start_level")
        if isinstance(grid, (str, int)):  # a command line makes a number of the respacing "250"
            self.grid = make_grid(self.schedule, level, steps, str(grid))
        else:
            self.grid = check_grid(self.schedule, grid)
        down = self.grid[::-1] if decoding_grid is None else decoding_grid
        self.decoding_grid = check_grid(self.schedule, down, "decoding_grid")
        where = self.grid[0] if encoding == "noise" else start_level
        for problem in round_trip_gaps(self.grid, self.decoding_grid, where):
            warn(f"{problem}: the noise is taken for another amount, as in the published code", stacklevel=2)
        self.exact = exact and decoding_grid is None and encoding == decoding == "ddim"
        self.order = order
        self.substeps = substeps
        self.encoding = encoding
        self.decoding = decoding
        self.clip = clip_range(clip)
        self.encoding_label = encoding_label
        self.decoding_label = decoding_label
        self.label_scale = label_scale

    def denoiser(
        self,
        diffusion: Callable[..., torch.Tensor],
        direction: int,
        labels: tuple[Label, Label] = (None, None),
        autocast: torch.dtype | None = None,
    ) -> Denoiser:
        """The denoiser while encoding (direction 0) or decoding (1).

        Args:
            diffusion: the diffusion network; where it gives infinity, the denoiser gives NaN.
            direction: 0 or 1.
            labels: of these images, (N,), in place of the encoding and the decoding label; None: the scheme's.
            autocast: see `Denoiser`.
        """
        there = self.encoding_label if labels[0] is None else labels[0]
        back = self.decoding_label if labels[1] is None else labels[1]
        back = there if back is None else back
        contrast = direction == 1 and not _same(there, back)
        return Denoiser(
            unhidden(diffusion),
            self.schedule,
            back if direction == 1 else there,
            clip=self.clip,
            autocast=autocast,
            away_label=there if direction == 1 else None,
            label_scale=self.label_scale if contrast else 0.0,
        )

    def encode(self, denoiser: Denoiser, x: torch.Tensor, noise: Callable[[int], Noise] | None = None) -> Encoding:
        """Noise images (N, C, H, W) up to level L.

        Args:
            denoiser: of this direction.
            x: the images.
            noise: gives the images' noise of a stream; needed by the random variant and start alone.
        """
        if self.encoding == "noise" or self.start_level:
            drawn = _needed(noise)(ENCODING)(x)
            if self.encoding == "noise":
                return Encoding(self.schedule.add_noise(x, drawn, self.grid[-1]))
            x = self.schedule.add_noise(x, drawn, self.start_level)
        trajectory = Trajectory() if self.exact else None
        return Encoding(solve(denoiser, x, self.grid, self.order, record=trajectory), trajectory)

    def decode(
        self,
        denoiser: Denoiser,
        encoding: Encoding,
        guidance: Guide | None,
        noise: Callable[[int], Noise] | None = None,
    ) -> torch.Tensor:
        """Lead an encoding back to clean images (N, C, H, W); without guidance it is the round trip.

        Args:
            denoiser: of this direction.
            encoding: what `encode` gave.
            guidance: where to; None: nowhere.
            noise: as in `encode`, of ancestral sampling.
        """
        if encoding.trajectory is not None:
            return solve_back(denoiser, encoding.latent, encoding.trajectory, guidance, self.substeps)
        return self._descend(denoiser, encoding.latent, self.decoding_grid, guidance, noise)

    def first_step(
        self, denoiser: Denoiser, x: torch.Tensor, guidance: Guide | None, noise: Callable[[int], Noise]
    ) -> torch.Tensor:
        """The first decoding step alone, of noisy images (N, C, H, W)."""
        return self._descend(denoiser, x, self.decoding_grid[:2], guidance, noise)

    def _descend(
        self,
        denoiser: Denoiser,
        x: torch.Tensor,
        grid: Sequence[float],
        guidance: Guide | None,
        noise: Callable[[int], Noise] | None,
    ) -> torch.Tensor:
        if self.decoding == "ancestral":
            return sample_ancestral(denoiser, x, tuple(grid), _needed(noise)(DECODING), guidance)
        return solve(denoiser, x, tuple(grid), self.order, guidance, self.substeps)


def _same(one: Any, other: Any) -> bool:
    """Whether two labels are surely one."""
    return one is other or (not any(isinstance(v, torch.Tensor) for v in (one, other)) and one == other)


def _needed(noise: Callable[[int], Noise] | None) -> Callable[[int], Noise]:
    if noise is None:
        raise ValueError("a stochastic scheme needs the noise of the images, got None")
    return noise
