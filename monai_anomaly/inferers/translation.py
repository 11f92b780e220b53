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
        encoding: ``"ddim"`` or ``"noise"`` (random noising to L, the ablation).
        decoding: ``"ddim"`` or ``"ancestral"`` (DDPM sampling).
        clip: range predicted clean images are clamped to; None, the thesis' equations, for none.
        guidance_interval: levels in which the guide acts.
        batch_size: slices translated at a time; bounds the memory.
        divisor: slices are padded (edge values) to multiples of it, as the networks' levels need, and cropped again.
        slice_axis: spatial axis of 5-D inputs along which slices are taken.
        schedule: the noise schedule; None: linear, T = 1000.
        data_range: width of the intensity range, the unit of the map.
        smoothing: of the map, see `AnomalyMap`.
        autocast: see `autocast_dtype`.
        seed: of the noise, for the stochastic variants; slice i of a call gets the noise of seed + i, whatever the
            batch size.
        progress: show a bar over the batches of slices.

    Raises:
        ValueError: when a name, the order, the level or the number of steps is not one of those above.
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
        encoding: str = "ddim",
        decoding: str = "ddim",
        clip: tuple[float, float] | None = None,
        guidance_interval: tuple[float, float] = (0.0, float("inf")),
        batch_size: int = 16,
        divisor: int = 8,
        slice_axis: int = 2,
        schedule: NoiseSchedule | None = None,
        data_range: float = 2.0,
        smoothing: float = 0.0,
        autocast: str | None = None,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        super().__init__(
            data_range,
            smoothing,
            batch_size=batch_size,
            divisor=divisor,
            slice_axis=slice_axis,
            progress=progress,
        )
        for name, value, known in (
            ("encoding", encoding, ("ddim", "noise")),
            ("decoding", decoding, ("ddim", "ancestral")),
            ("order", order, (1, 2)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, got {value!r}")
        self.schedule = schedule or NoiseSchedule()
        self.grid: Grid = make_grid(self.schedule, level, steps, grid) if isinstance(grid, str) else tuple(grid)
        self.decoding_grid: Grid = self.grid[::-1] if decoding_grid is None else tuple(decoding_grid)
        self.exact = exact and decoding_grid is None and encoding == decoding == "ddim"
        self.scales = (float(scale),) if isinstance(scale, (int, float)) else tuple(float(s) for s in scale)
        self.target = target
        self.order = order
        self.substeps = substeps
        self.labels = (encoding_label, encoding_label if decoding_label is None else decoding_label)
        self.encoding = encoding
        self.decoding = decoding
        self.clip = None if clip is None else (float(clip[0]), float(clip[1]))
        self.guidance_interval = (float(guidance_interval[0]), float(guidance_interval[1]))
        self.autocast = autocast
        self.seed = seed

    @property
    def num_maps(self) -> int:
        """S, one for each scale."""
        return len(self.scales)

    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Iterator[torch.Tensor]:
        """Translations of slices (N, C, H, W), one at each scale; the network has ``diffusion`` and ``classifier``."""
        seeds = [self.seed + i for i in index]
        encoding = self.encode(x, network, seeds)
        for scale in self.scales:
            yield self.decode(encoding, network, scale, seeds)

    def encode(self, x: torch.Tensor, network: Any, seeds: Sequence[int] | None = None) -> Encoding:
        """Noise images (N, C, H, W) up to level L; the seeds, one an image, serve the random variant."""
        if self.encoding == "noise":
            noise = SeededNoise(range(self.seed, self.seed + len(x)) if seeds is None else seeds)(x)
            return Encoding(self.schedule.add_noise(x, noise, self.grid[-1]))
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
        dtype = autocast_dtype(self.autocast, x.device)
        return Denoiser(network.diffusion, self.schedule, self.labels[direction], clip=self.clip, autocast=dtype)

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
