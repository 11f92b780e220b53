# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from warnings import warn

import numpy as np
import torch

from ..diffusion import (
    ClassifierGuidance,
    Denoiser,
    Grid,
    Noise,
    NoiseSchedule,
    NoiseSource,
    SeededNoise,
    Trajectory,
    check_grid,
    clip_range,
    make_grid,
    round_trip_gaps,
    sample_ancestral,
    solve,
    solve_back,
)
from ..utils import autocast_dtype, hashed_seed
from .finite import unhidden
from .resampling import MaskedResampling
from .slicewise import SlicewiseReconstructionInferer

__all__ = ["Encoding", "HealthyTranslationInferer"]

ENCODING, DECODING, RESAMPLING = range(3)
"""Where an image meets noise; each has a stream of its own."""


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
    come with the call. The result is ``{"map": (N, 1, ...), "reconstruction": (N, C, ...)}``; the second of several
    scales is in ``map_1`` and ``reconstruction_1``, and so on.

    Args:
        level: the noise level L in 1..T.
        steps: intervals of the grid from 0 to L; as many network evaluations to encode, one more when exact, and as
            many to decode.
        scale: the gradient scale s; several scales share one encoding.
        target: the class to move to (0: healthy).
        order: 1, DDIM, or 2, two-step Adams-Bashforth.
        exact: undo the encoding exactly, so that the result shows guidance (and a change of label) alone, none of the
            solver's drift; has no effect with a ``decoding_grid`` or a stochastic variant.
        substeps: evaluations of the guide in each interval.
        grid: ``"uniform"``, ``"strided"``, ``"karras"`` or a respacing (see `make_grid`), or explicit increasing levels
            (then level and steps do not count).
        decoding_grid: explicit decreasing levels for decoding when they are not the encoding's reversed (the published
            code). Where a grid starts elsewhere than the image is, as in the published code, a warning says so.
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
        seed: of the noise, for the stochastic variants, the random start and the resampling, not negative; the noise of
            slice i of a call is that of (seed, i), whatever the batch size.
        noise_source: makes the noise of a batch from a seed for each image, once where the image is encoded and once
            where it is decoded; a test gives the noise of a published run.
        kwargs: see `SlicewiseReconstructionInferer` and `SlicewiseInferer`.

    Raises:
        ValueError: when a name, the order, a level, a grid, a range or a count is not one of those above, or a start
            level meets the random encoding.

    Example::

        encoder = NoiseConditionedEncoder(2, 1, 2, (8, 8), 1, (False, False), 8, 8, pool="local")
        unet = DiffusionModelUNet(2, 1, 2, 1, (8, 8), (False, False), norm_num_groups=8, num_class_embeds=2)
        inferer = HealthyTranslationInferer(steps=4, scale=20.0, encoding_label=1, decoding_label=0)
        found = inferer(torch.rand(2, 1, 16, 16), GuidedDiffusionNet(unet, classifier=encoder))
        found["map"], found["reconstruction"]
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
        noise_source: NoiseSource = SeededNoise,
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
        for name, number, least in (("substeps", substeps, 1), ("label_scale", label_scale, 0), ("seed", seed, 0)):
            if number < least:
                raise ValueError(f"{name} must be at least {least}, got {number}")
        self.schedule = schedule or NoiseSchedule()
        if start_level and encoding == "noise":
            raise ValueError(f"start_level must be 0 with encoding='noise', which noises at random, got {start_level}")
        self.start_level = self.schedule.check_level(start_level, "start_level")
        self.encoding = encoding
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
        self.scales = tuple(float(s) for s in np.atleast_1d(np.asarray(scale)))
        self.target = target
        self.order = order
        self.substeps = substeps
        self.labels = (encoding_label, encoding_label if decoding_label is None else decoding_label)
        self.label_scale = label_scale if self.labels[0] != self.labels[1] else 0.0
        self.decoding = decoding
        self.clip = clip_range(clip)
        self.guidance_interval = (float(guidance_interval[0]), float(guidance_interval[1]))
        if not self.guidance_interval[0] <= self.guidance_interval[1]:
            raise ValueError(f"guidance_interval must be [low, high] with low <= high, got {guidance_interval!r}")
        self.mirror_axis = mirror_axis
        self.resampling = resampling
        self.autocast = autocast
        self.seed = seed
        self.noise_source = noise_source

    @property
    def num_maps(self) -> int:
        """S, one for each scale."""
        return len(self.scales)

    def noise(self, stream: int, index: Sequence[int]) -> Noise:
        """The noise of some slices of a call where the stream says."""
        return self.noise_source([hashed_seed(self.seed, stream, i) for i in index])

    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Iterator[torch.Tensor]:
        """Translations of slices (N, C, H, W), one at each scale; the network has ``diffusion`` and ``classifier``."""
        flips: list[tuple[int, ...]] = [()] if self.mirror_axis is None else [(), (self.mirror_axis + 2,)]
        encodings = [self.encode(x.flip(axes), network, index) for axes in flips]
        for scale in self.scales:
            decoded = [
                self.decode(e, network, scale, index).flip(axes) for e, axes in zip(encodings, flips, strict=True)
            ]
            yield torch.stack(decoded).mean(0)

    def refine(
        self,
        x: torch.Tensor,
        reconstruction: torch.Tensor,
        anomaly_map: torch.Tensor,
        network: Any,
        index: Sequence[int],
    ) -> torch.Tensor:
        """Reconstructions (N, C, H, W) with their flagged part drawn anew, where ``resampling`` says so."""
        if self.resampling is None:
            return reconstruction
        height, width = x.shape[2:]
        x, start, flagged = (self.pad(v) for v in (x, reconstruction, self.resampling.flagged(anomaly_map)))

        def noise(rows: Sequence[int]) -> Noise:
            return self.noise(RESAMPLING, [index[i] for i in rows])

        return self.resampling(self.denoiser(network, x, 1), x, start, flagged, noise)[..., :height, :width]

    def encode(self, x: torch.Tensor, network: Any, index: Sequence[int] | None = None) -> Encoding:
        """Noise images (N, C, H, W) up to level L; the random variant and start draw the noise of the images' numbers,
        0 to N - 1 by default."""
        if self.encoding == "noise" or self.start_level:
            noise = self.noise(ENCODING, range(len(x)) if index is None else index)(x)
            if self.encoding == "noise":
                return Encoding(self.schedule.add_noise(x, noise, self.grid[-1]))
            x = self.schedule.add_noise(x, noise, self.start_level)
        trajectory = Trajectory() if self.exact else None
        latent = solve(self.denoiser(network, x, 0), x, self.grid, self.order, record=trajectory)
        return Encoding(latent, trajectory)

    def decode(
        self, encoding: Encoding, network: Any, scale: float, index: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Lead an encoding back to clean images (N, C, H, W) of the target class; scale 0 is the unguided round
        trip."""
        x = encoding.latent
        if encoding.trajectory is None:
            return self._descend(x, network, scale, self.decoding_grid, range(len(x)) if index is None else index)
        guidance = self.guidance(network, x, scale)
        return solve_back(self.denoiser(network, x, 1), x, encoding.trajectory, guidance, self.substeps)

    @torch.no_grad()
    def one_step(self, images: torch.Tensor, network: Any) -> torch.Tensor:
        """The first guided decoding step alone, of noisy images (N, C, H, W), for timing: a translation takes one for
        each interval of the grid, and as many without guidance to encode."""
        x = self.pad(images)
        return self._descend(x, network, self.scales[0], self.decoding_grid[:2], range(len(x)))

    def _descend(self, x: torch.Tensor, network: Any, scale: float, grid: Grid, index: Sequence[int]) -> torch.Tensor:
        """Decode noisy images along a grid."""
        denoiser, guidance = self.denoiser(network, x, 1), self.guidance(network, x, scale)
        if self.decoding == "ancestral":
            return sample_ancestral(denoiser, x, grid, self.noise(DECODING, index), guidance)
        return solve(denoiser, x, grid, self.order, guidance, self.substeps)

    def denoiser(self, network: Any, x: torch.Tensor, direction: int) -> Denoiser:
        """The denoiser for images like x while encoding (direction 0) or decoding (1)."""
        decoding = direction == 1
        return Denoiser(
            unhidden(network.diffusion),
            self.schedule,
            self.labels[direction],
            clip=self.clip,
            autocast=autocast_dtype(self.autocast, x.device),
            away_label=self.labels[0] if decoding else None,
            label_scale=self.label_scale if decoding else 0.0,
        )

    def guidance(self, network: Any, x: torch.Tensor, scale: float) -> ClassifierGuidance:
        """The guide for images like x at a gradient scale."""
        guide = ClassifierGuidance(self.target, scale, self.guidance_interval)
        return guide.bind(network.classifier, self.schedule, autocast=autocast_dtype(self.autocast, x.device))
