# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..diffusion import (
    ClassifierGuidance,
    Denoiser,
    Grid,
    NoiseSchedule,
    SeededNoise,
    Trajectory,
    make_grid,
    sample_ancestral,
    solve,
    solve_back,
)
from ..utils import autocast_dtype
from .resampling import MaskedResampling
from .slicewise import SlicewiseReconstructionInferer

__all__ = ["Encoding", "HealthyTranslationInferer"]


@dataclass
class Encoding:
    """A batch of images on their way: the noisy images (N, C, H, W) at level L and, for exact inversion, the way
    there."""

    latent: torch.Tensor
    trajectory: Trajectory | None = None


class HealthyTranslationInferer(SlicewiseReconstructionInferer):
    """Translate images to what they would be if healthy, by noise encoding and classifier-guided decoding (thesis ch.
    7).

    The input is encoded to level L with the deterministic DDIM scheme, then decoded while the classifier's gradient
    leads it to the healthy class. The thesis' setting (``steps=500, order=1, exact=False, substeps=1``), its DDPM
    ablation (``encoding="noise", decoding="ancestral"``) and the fast default differ in arguments only. Volumes are
    translated slice by slice. Stateless; the network's ``diffusion`` and ``classifier`` parts (`GuidedDiffusionNet`)
    come with the call, which returns (N, S (1 + C), ...): for each of the S scales the map, then the reconstruction.

    Args:
        level: the noise level L in 1..T.
        steps: intervals of the grid from 0 to L; as many network evaluations to encode and one less to decode when
            exact.
        scale: the gradient scale s; several scales share one encoding.
        target: the class to move to (0: healthy).
        order: 1, DDIM, or 2, two-step Adams-Bashforth.
        exact: undo the encoding exactly, so that the result shows guidance (and a change of label) alone, none of the
            solver's drift; has no effect with a ``decoding_grid`` or a stochastic variant.
        substeps: evaluations of the guide in each interval.
        grid: ``"uniform"``, ``"strided"``, ``"karras"``, or explicit increasing levels (then level and steps do not
            count).
        decoding_grid: explicit decreasing levels for decoding when they are not the encoding's reversed (the published
            code).
        encoding_label: class the diffusion network is told while encoding; None for a network without classes.
        decoding_label: the same while decoding; None: as encoding.
        label_scale: w >= 0, how far beyond the decoding label, away from the encoding label, the noise is
            extrapolated while decoding (see `Denoiser`); anything but 0 doubles the cost of a decoding step. With one
            label there is nothing to extrapolate.
        encoding: ``"ddim"`` or ``"noise"`` (random noising to L, the ablation).
        decoding: ``"ddim"`` or ``"ancestral"`` (DDPM sampling).
        start_level: noise the image at random to this level before the DDIM encoding; 1, and the grid that goes with
            it, is the published code; 0 starts from the image itself, as Algorithm 1 does.
        clip: range predicted clean images are clamped to; None, the thesis' equations, for none.
        guidance_interval: levels in which the guide acts.
        mirror_axis: spatial axis of the slices along which mirror images are translated too, and the mean is taken;
            twice the translation's cost. For networks trained on mirrored images; None for none.
        resampling: draws the flagged part of each reconstruction anew; the map is that of the reconstruction before
            it. None, the thesis, for none.
        divisor: see `SlicewiseInferer`.
        schedule: the noise schedule; None: linear, T = 1000.
        autocast: see `autocast_dtype`.
        seed: of the noise, for the stochastic variants, the random start and the resampling; slice i of a call gets the
            noise of seed + i, whatever the batch size.
        kwargs: see `SlicewiseReconstructionInferer` and `SlicewiseInferer`.

    Raises:
        ValueError: when a name, the order, the level or the number of steps is not one of those above, or a start level
            meets the random encoding.
    """

    def __init__(
        self,
        level: int = 500,
        steps: int = 12,
        scale: float | Sequence[float] = 10.0,
        target: int = 0,
        order: int = 2,
        exact: bool = True,
        substeps: int = 4,
        grid: str | Sequence[float] = "uniform",
        decoding_grid: Sequence[float] | None = None,
        encoding_label: int | None = None,
        decoding_label: int | None = None,
        label_scale: float = 0.0,
        encoding: str = "ddim",
        decoding: str = "ddim",
        start_level: float = 0,
        clip: tuple[float, float] | None = None,
        guidance_interval: tuple[float, float] = (0.0, float("inf")),
        mirror_axis: int | None = None,
        resampling: MaskedResampling | None = None,
        divisor: int = 8,
        schedule: NoiseSchedule | None = None,
        autocast: str | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(divisor=divisor, **kwargs)
        for name, value, known in (
            ("encoding", encoding, ("ddim", "noise")),
            ("decoding", decoding, ("ddim", "ancestral")),
            ("order", order, (1, 2)),
            ("mirror_axis", mirror_axis, (None, 0, 1)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, got {value!r}")
        self.schedule = schedule or NoiseSchedule()
        if not 0 <= start_level <= self.schedule.num_train_timesteps:
            raise ValueError(f"start_level must be in 0..{self.schedule.num_train_timesteps}, got {start_level}")
        if start_level and encoding == "noise":
            raise ValueError(f"start_level must be 0 with encoding='noise', which noises at random, got {start_level}")
        self.start_level = start_level
        self.grid: Grid = make_grid(self.schedule, level, steps, grid) if isinstance(grid, str) else tuple(grid)
        self.decoding_grid: Grid = self.grid[::-1] if decoding_grid is None else tuple(decoding_grid)
        self.exact = exact and decoding_grid is None and encoding == decoding == "ddim"
        self.scales = (float(scale),) if isinstance(scale, (int, float)) else tuple(float(s) for s in scale)
        self.target = target
        self.order = order
        self.substeps = substeps
        self.labels = (encoding_label, encoding_label if decoding_label is None else decoding_label)
        if label_scale < 0:
            raise ValueError(f"label_scale must be at least 0, got {label_scale}")
        self.label_scale = label_scale if self.labels[0] != self.labels[1] else 0.0
        self.encoding = encoding
        self.decoding = decoding
        self.clip = None if clip is None else (float(clip[0]), float(clip[1]))
        self.guidance_interval = (float(guidance_interval[0]), float(guidance_interval[1]))
        self.mirror_axis = mirror_axis
        self.resampling = resampling
        self.autocast = autocast
        self.seed = seed

    @property
    def num_maps(self) -> int:
        """S, one for each scale."""
        return len(self.scales)

    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Iterator[torch.Tensor]:
        """Translations of slices (N, C, H, W), one at each scale; the network has ``diffusion`` and ``classifier``."""
        seeds = [self.seed + i for i in index]
        flips: list[tuple[int, ...]] = [()] if self.mirror_axis is None else [(), (self.mirror_axis + 2,)]
        encodings = [self.encode(x.flip(axes), network, seeds) for axes in flips]
        for scale in self.scales:
            decoded = [
                self.decode(e, network, scale, seeds).flip(axes) for e, axes in zip(encodings, flips, strict=True)
            ]
            yield torch.stack(decoded).mean(0)

    def refine(
        self, x: torch.Tensor, healthy: torch.Tensor, score: torch.Tensor, network: Any, index: Sequence[int]
    ) -> torch.Tensor:
        """Healthy versions (N, C, H, W) with their flagged part drawn anew, where ``resampling`` says so."""
        if self.resampling is None:
            return healthy
        height, width = x.shape[2:]
        x, healthy, flagged = self.pad(x), self.pad(healthy), self.pad(self.resampling.flagged(score))
        seeds = [2**32 + self.seed + i for i in index]  # not the noise of the encoding, nor that of the decoding
        return self.resampling(self.denoiser(network, x, 1), x, healthy, flagged, seeds)[..., :height, :width]

    def encode(self, x: torch.Tensor, network: Any, seeds: Sequence[int] | None = None) -> Encoding:
        """Noise images (N, C, H, W) up to level L; the seeds, one an image, serve the random variant and start."""
        if self.encoding == "noise" or self.start_level:
            noise = SeededNoise(range(self.seed, self.seed + len(x)) if seeds is None else seeds)(x)
            if self.encoding == "noise":
                return Encoding(self.schedule.add_noise(x, noise, self.grid[-1]))
            x = self.schedule.add_noise(x, noise, self.start_level)
        trajectory = Trajectory() if self.exact else None
        latent = solve(self.denoiser(network, x, 0), x, self.grid, self.order, record=trajectory)
        return Encoding(latent, trajectory)

    def decode(
        self, encoding: Encoding, network: Any, scale: float, seeds: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Lead an encoding back to clean images (N, C, H, W) of the target class; scale 0 is the unguided round
        trip."""
        x = encoding.latent
        guidance = self.guidance(network, x, scale)
        denoiser = self.denoiser(network, x, 1)
        if self.decoding == "ancestral":
            noise = SeededNoise([2**31 + s for s in (range(self.seed, self.seed + len(x)) if seeds is None else seeds)])
            return sample_ancestral(denoiser, x, self.decoding_grid, noise, guidance)
        if encoding.trajectory is not None:
            return solve_back(denoiser, x, self.decoding_grid, encoding.trajectory, guidance, self.substeps)
        return solve(denoiser, x, self.decoding_grid, self.order, guidance, self.substeps)

    def denoiser(self, network: Any, x: torch.Tensor, direction: int) -> Denoiser:
        """The denoiser for images like x while encoding (direction 0) or decoding (1)."""
        decoding = direction == 1
        return Denoiser(
            network.diffusion,
            self.schedule,
            self.labels[direction],
            clip=self.clip,
            autocast=autocast_dtype(self.autocast, x.device),
            away_label=self.labels[0] if decoding else None,
            label_scale=self.label_scale if decoding else 0.0,
        )

    def guidance(self, network: Any, x: torch.Tensor, scale: float) -> ClassifierGuidance:
        """The guide for images like x at a gradient scale."""
        return ClassifierGuidance(
            network.classifier,
            self.schedule,
            target=self.target,
            scale=scale,
            interval=self.guidance_interval,
            autocast=autocast_dtype(self.autocast, x.device),
        )
