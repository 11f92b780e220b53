# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..diffusion import (
    Denoiser,
    Grid,
    Noise,
    NoiseSchedule,
    NoiseSource,
    SeededNoise,
    clip_range,
    make_grid,
    sample_ancestral,
    solve,
)
from ..utils import autocast_dtype, hashed_seed, one_of
from .finite import unhidden
from .segmentation import SlicewiseSegmentationInferer
from .view import VIEWS

__all__ = ["MaskEnsembleInferer"]

SOLVERS = ("ancestral", "ddim")


class MaskEnsembleInferer(SlicewiseSegmentationInferer):
    """Draw n segmentation masks of each image from a diffusion model of masks: an implicit ensemble (thesis ch. 5,
    Algorithm 1).

    A mask starts as Gaussian noise and is denoised, with the image concatenated in every step. The paper's setting
    (``steps=1000``, ancestral) and the fast default differ in arguments only. The network is called as
    ``network(cat([image, mask]), timesteps=t)``.

    Sample j has the noise of seed and j, the same one for all slices: the result does not depend on the batch size, the
    order of the images or what else is in the batch, and neighboring slices of a volume agree better than with noise of
    their own.

    Args:
        steps: denoising steps, that is network evaluations per sample; 1000 is the paper.
        solver: ``"ancestral"`` (DDPM, with the learned variance if there is one) or ``"ddim"`` (draws
            the first noise alone).
        order: of the ``"ddim"`` solver, see `solve`.
        grid: how the steps are spread, see `make_grid`.
        prediction: what the network predicts, see `Denoiser`.
        mask_range: values of background and lesion in the mask that is diffused; (0, 1) in the published code, wider
            apart means less noise at each level.
        clip: range the predicted clean mask is clamped to in every step; True: its own, False or None: none. The
            published code clamps masks of 0 and 1 to [-1, 1].
        schedule: the noise schedule; None: linear, T = 1000.
        autocast: see `autocast_dtype`.
        seed: of the noise.
        num_samples: n; 5 in the paper's table, 100 in its figures.
        divisor: see `SlicewiseInferer`.
        temperature: what the logits of each sample's probabilities are divided by (Guo et al., ICML 2017): above 1 for
            a network that is too sure of itself, as a Dice term makes it. Masks that are 0 or 1 stay so.
        views: how many views of a slice the samples take turns to see, at no cost: 1, 2 (every second one the mirror
            image along the first spatial axis) or 8 (all symmetries of a square), for networks trained on images seen
            so. What the network sees in some of them alone counts less. Fewer samples than views see the first ones.
        noise_source: makes the noise of some samples from a seed for each, whatever the slice; a test gives the noise
            of a published run.
        kwargs: see `SlicewiseSegmentationInferer`.

    Raises:
        ValueError: when the solver, its order, the views, a range, the temperature or an argument of the grid is not
            one of those above.

    Example::

        unet = DiffusionModelUNet(2, 4 + 1, 2, 1, (8, 8), (False, False), norm_num_groups=8)
        found = MaskEnsembleInferer(steps=2, num_samples=3)(torch.rand(2, 4, 16, 16), MaskDiffusionNet(unet))
        found["mean"], found["variance"], found["entropy"]  # each (2, 1, 16, 16)
    """

    def __init__(
        self,
        steps: int = 20,
        solver: str = "ancestral",
        order: int = 1,
        grid: str = "uniform",
        prediction: str = "epsilon",
        mask_range: tuple[float, float] = (-1.0, 1.0),
        clip: bool | Sequence[float] | None = True,
        schedule: NoiseSchedule | None = None,
        autocast: str | None = None,
        seed: int = 0,
        num_samples: int = 5,
        divisor: int = 8,
        temperature: float = 1.0,
        views: int = 1,
        noise_source: NoiseSource = SeededNoise,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_samples=num_samples, divisor=divisor, seed=seed, **kwargs)
        one_of("solver", solver, SOLVERS)
        one_of("order", order, (1, 2))
        if len(mask_range) != 2 or not mask_range[0] < mask_range[1]:
            raise ValueError(f"mask_range must be [background, lesion] with background < lesion, got {mask_range!r}")
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.schedule = schedule or NoiseSchedule()
        self.grid = make_grid(self.schedule, self.schedule.num_train_timesteps, steps, grid)[::-1]
        self.solver = solver
        self.order = order
        self.prediction = prediction
        self.low, self.high = (float(v) for v in mask_range)
        if isinstance(clip, bool):
            clip = (self.low, self.high) if clip else None
        self.clip = clip_range(clip)
        self.autocast = autocast
        self.temperature = temperature
        self.views = one_of("views", views, VIEWS)
        self.noise_source = noise_source

    @property
    def settings(self) -> dict[str, Any]:
        """As the base class, with what the sampler is."""
        return {
            **super().settings,
            "solver": self.solver,
            "steps": len(self.grid) - 1,
            "order": self.order,
            "prediction": self.prediction,
            "mask_range": [self.low, self.high],
            "clip": self.clip,
            "temperature": self.temperature,
            "views": self.views,
        }

    def denoiser(self, network: Any, x: torch.Tensor) -> Denoiser:
        """The denoiser of masks for images x (N, C, H, W)."""
        return Denoiser(
            unhidden(network),
            self.schedule,
            condition=x,
            clip=self.clip,
            prediction=self.prediction,
            autocast=autocast_dtype(self.autocast, x.device),
        )

    def draw(self, x: torch.Tensor, network: Any, samples: range) -> torch.Tensor:
        """Soft masks (N, len(samples), K, H, W) of slices (N, C, H, W)."""
        drawn = x.new_empty(len(x), len(samples), self.regions, *x.shape[2:])
        for turn, view in enumerate(VIEWS[self.views]):
            chosen = [i for i, j in enumerate(samples) if j % self.views == turn]
            if chosen:
                noise = self.noise([samples[i] for i in chosen])
                images = view(x).repeat_interleave(len(chosen), dim=0)
                mask = noise(images.new_empty(len(images), self.regions, *images.shape[2:]))
                mask = view.undo(self._denoise(mask, images, network, self.grid, noise))
                drawn[:, chosen] = mask.unflatten(0, (len(x), len(chosen))).to(drawn)
        probability = ((drawn - self.low) / (self.high - self.low)).clamp(0, 1)
        return probability if self.temperature == 1 else (probability.logit() / self.temperature).sigmoid()

    @torch.no_grad()
    def one_step(self, images: torch.Tensor, network: Any) -> torch.Tensor:
        """The first denoising step alone, of one mask per image (N, C, H, W), for timing: a sample takes one for each
        interval of the grid."""
        x, noise = self.pad(images), self.noise(range(1))
        mask = noise(x.new_empty(len(x), self.regions, *x.shape[2:]))
        return self._denoise(mask, x, network, self.grid[:2], noise)

    def noise(self, samples: Sequence[int]) -> Noise:
        """Noise of some samples, the same for all slices of a batch; sample j of slice i is number ``i * n + j``."""
        count, shared = len(samples), self.noise_source([hashed_seed(self.seed, j) for j in samples])
        return lambda x: shared(x[:count]).repeat(len(x) // count, 1, 1, 1)

    def _denoise(self, mask: torch.Tensor, x: torch.Tensor, network: Any, grid: Grid, noise: Noise) -> torch.Tensor:
        """Masks of images x, one each, along a grid."""
        denoiser = self.denoiser(network, x)
        if self.solver == "ancestral":
            return sample_ancestral(denoiser, mask, grid, noise)
        return solve(denoiser, mask, grid, self.order)
