# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from warnings import warn

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.utils import convert_to_tensor
from torch.nn import functional as F
from tqdm import tqdm

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
from ..transforms.anomaly_map import AnomalyMap
from ..utils import autocast_dtype

__all__ = ["Encoding", "HealthyTranslationInferer"]


@dataclass
class Encoding:
    """A batch of images on their way: the noisy images (N, C, H, W) at level L and, for exact inversion, the way
    there."""

    latent: torch.Tensor
    trajectory: Trajectory | None = None


class HealthyTranslationInferer(Inferer):
    """Translate images to what they would be if healthy, by noise encoding and classifier-guided decoding (thesis ch.
    7).

    The input is encoded to level L with the deterministic DDIM scheme, then decoded while the classifier's gradient
    leads it to the healthy class. The thesis' setting (``steps=500, order=1, exact=False, substeps=1``), its DDPM
    ablation (``encoding="noise", decoding="ancestral"``) and the fast default differ in arguments only. Volumes are
    translated slice by slice. Stateless; the network's ``diffusion`` and ``classifier`` parts come with the call.

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
        start_level: noise the image at random to this level before the DDIM encoding; 1, and the grid that goes with
            it, is the published code; 0 starts from the image itself, as Algorithm 1 does.
        clip: range predicted clean images are clamped to; None, the thesis' equations, for none.
        guidance_interval: levels in which the guide acts.
        batch_size: slices translated at a time; bounds the memory.
        divisor: slices are padded (edge values) to multiples of it, as the networks' levels need, and cropped again.
        slice_axis: spatial axis of 5-D inputs along which slices are taken.
        slice_range: first and one past the last slice of 5-D inputs to translate, those the networks were trained on;
            the others keep an empty map and are their own reconstruction. None: all.
        schedule: the noise schedule; None: linear, T = 1000.
        data_range: width of the intensity range, the unit of the map.
        smoothing: of the map, see `AnomalyMap`.
        autocast: see `autocast_dtype`.
        seed: of the noise, for the stochastic variants and the random start; slice i of a call gets the noise of
            seed + i, whatever the batch size.
        progress: show a bar over the slices.

    Raises:
        ValueError: when a name, the order, the level, the number of steps or the range of slices is not one of those
            above, or a start level meets the random encoding.
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
        start_level: float = 0,
        clip: tuple[float, float] | None = None,
        guidance_interval: tuple[float, float] = (0.0, float("inf")),
        batch_size: int = 16,
        divisor: int = 8,
        slice_axis: int = 2,
        slice_range: Sequence[int] | None = None,
        schedule: NoiseSchedule | None = None,
        data_range: float = 2.0,
        smoothing: float = 0.0,
        autocast: str | None = None,
        seed: int = 0,
        progress: bool = False,
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("encoding", encoding, ("ddim", "noise")),
            ("decoding", decoding, ("ddim", "ancestral")),
            ("order", order, (1, 2)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, got {value!r}")
        if slice_range is not None and not (len(slice_range) == 2 and 0 <= slice_range[0] < slice_range[1]):
            raise ValueError(f"slice_range must be [first, one past last], got {slice_range!r}")
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
        self.encoding = encoding
        self.decoding = decoding
        self.clip = None if clip is None else (float(clip[0]), float(clip[1]))
        self.guidance_interval = (float(guidance_interval[0]), float(guidance_interval[1]))
        self.batch_size = batch_size
        self.divisor = divisor
        self.slice_axis = slice_axis
        self.slice_range = None if slice_range is None else (int(slice_range[0]), int(slice_range[1]))
        self.anomaly_map = AnomalyMap(data_range, smoothing)
        self.autocast = autocast
        self.seed = seed
        self.progress = progress

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Anomaly map and healthy reconstruction of each image.

        Args:
            inputs: images (N, C, H, W) or volumes (N, C, X, Y, Z), scaled as in training.
            network: has ``diffusion`` and ``classifier`` (see `GuidedDiffusionNet`).
            args: not used.
            kwargs: not used.

        Returns:
            (N, S (1 + C), ...): for each of the S scales the map, then the C channels of the reconstruction.

        Raises:
            ValueError: when the inputs have another rank.
        """
        if inputs.ndim not in (4, 5):
            raise ValueError(f"inputs must be (N, C, H, W) or (N, C, X, Y, Z), got the shape {tuple(inputs.shape)}")
        network = getattr(network, "module", network)  # DistributedDataParallel
        x = convert_to_tensor(inputs, track_meta=False)
        with torch.no_grad():
            if x.ndim == 4:
                result = self._in_batches(x, network)
            else:
                axis = self.slice_axis + 2
                slices = x.movedim(axis, 1)
                result = self._in_batches(slices.flatten(0, 1), network, self._inside(slices))
                result = result.unflatten(0, slices.shape[:2]).movedim(1, axis)
        # MONAI's Invertd needs the history of the input on the result
        return MetaTensor(result).copy_meta_from(inputs) if isinstance(inputs, MetaTensor) else result

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

    def _inside(self, slices: torch.Tensor) -> torch.Tensor:
        """Which of the slices (N, D, ...) are in the range: (N D), of bool."""
        first, stop = self.slice_range or (0, slices.shape[1])
        if first >= slices.shape[1]:
            warn(f"slice_range {[first, stop]} has none of the volume's {slices.shape[1]} slices", stacklevel=3)
        index = torch.arange(slices.shape[1], device=slices.device)
        return ((index >= first) & (index < stop)).repeat(len(slices))

    def _in_batches(self, x: torch.Tensor, network: Any, inside: torch.Tensor | None = None) -> torch.Tensor:
        """Translate slices (M, C, H, W) in batches; those outside, and of one intensity, stay as they are."""
        result = torch.zeros(len(x), len(self.scales), 1 + x.shape[1], *x.shape[2:], dtype=x.dtype, device=x.device)
        result[:, :, 1:] = x[:, None]
        flat = x.flatten(1)
        todo = flat.amax(1) > flat.amin(1)
        todo = torch.nonzero(todo if inside is None else todo & inside)[:, 0]
        starts = range(0, len(todo), self.batch_size)
        for start in tqdm(starts, desc="translate", unit="batch", disable=not self.progress, leave=False):
            chosen = todo[start : start + self.batch_size]
            result[chosen] = self._translate(x[chosen], network, [self.seed + int(i) for i in chosen])
        return result.flatten(1, 2)

    def _translate(self, x: torch.Tensor, network: Any, seeds: Sequence[int]) -> torch.Tensor:
        height, width = x.shape[2:]
        padded = F.pad(x, (0, -width % self.divisor, 0, -height % self.divisor), mode="replicate")
        encoding = self.encode(padded, network, seeds)
        parts = []
        for scale in self.scales:
            healthy = self.decode(encoding, network, scale, seeds)[..., :height, :width]
            parts.append(torch.cat([self.anomaly_map(x, healthy), healthy], dim=1))
        return torch.stack(parts, dim=1)
