# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import torch
from torch.nn import functional as F

from ..diffusion import Denoiser, Noise, NoiseSource, ddim_step, make_grid

__all__ = ["MaskedResampling"]


class MaskedResampling:
    """Draw the flagged part of a reconstruction anew, while all else stays the input.

    Guidance takes away what made the classifier sure, not the whole lesion. Here the pixels whose map passes a
    threshold are noised at random to a level, from the reconstruction there is, and denoised ("mask, stitch,
    re-sample", Bercea et al., arXiv:2305.19643); after every step the other pixels are those of the input with the same
    noise (RePaint, arXiv:2201.09865, eqs. 8a-8c). The mean of several draws is the result. Images with nothing flagged
    cost nothing.

    With a ``share`` the map learns from it: in a lesion the draw differs from the input by the whole contrast, in
    healthy tissue that was flagged by chance it comes back much as it was. With ``keep`` what was flagged by chance is
    then given back to the input.

    Args:
        threshold: of the map, averaged over 3 x 3 pixels, in the map's units: low, since what it misses stays and what
            it takes too much of comes back healthy.
        margin: pixels that the flagged part is widened by.
        level: noise level the flagged part is drawn from, in 1..T; the denoiser must have been trained on it.
        steps: intervals of the grid from ``level`` to 0; as many evaluations of the denoiser for each draw.
        samples: draws, in one batch: memory for so many times the images.
        share: of the drawn reconstruction's map in the final map, in [0, 1]; 0 leaves the map as it was.
        keep: threshold of the final map, as ``threshold`` is of the first: where it is not passed the result is the
            input. None: all that was drawn stays.

    Raises:
        ValueError: when the margin is negative, the level, steps or samples are less than 1, or the share is not in
            [0, 1].

    Example::

        guides = {"classifier": ClassifierGuidance(target=0, scale=10.0)}
        inferer = TranslationInferer(guides, refinement=MaskedResampling(threshold=0.18))
        mapped = TranslationInferer(guides, refinement=MaskedResampling(threshold=0.05, share=0.4, keep=0.2))
    """

    def __init__(
        self,
        threshold: float,
        margin: int = 1,
        level: int = 500,
        steps: int = 2,
        samples: int = 4,
        share: float = 0.0,
        keep: float | None = None,
    ) -> None:
        for name, value, least in (
            ("margin", margin, 0),
            ("level", level, 1),
            ("steps", steps, 1),
            ("samples", samples, 1),
        ):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        if not 0 <= share <= 1:
            raise ValueError(f"share must be in [0, 1], got {share}")
        self.threshold = threshold
        self.margin = margin
        self.level = level
        self.steps = steps
        self.samples = samples
        self.share = share
        self.keep = keep

    def flagged(self, anomaly_map: torch.Tensor) -> torch.Tensor:
        """The part (N, 1, H, W) of maps (N, 1, H, W) to draw anew; 1 inside, 0 outside."""
        return self._part(anomaly_map, self.threshold)

    def kept(self, anomaly_map: torch.Tensor) -> torch.Tensor:
        """The part (N, 1, H, W), by final maps (N, 1, H, W), where what was drawn stays; 1 inside, 0 outside."""
        return torch.ones_like(anomaly_map) if self.keep is None else self._part(anomaly_map, self.keep)

    def _part(self, anomaly_map: torch.Tensor, threshold: float) -> torch.Tensor:
        smooth = F.avg_pool2d(anomaly_map, 3, stride=1, padding=1, count_include_pad=False)
        inside = (smooth > threshold).to(anomaly_map)
        return F.max_pool2d(inside, 2 * self.margin + 1, stride=1, padding=self.margin)

    def __call__(
        self,
        denoiser: Denoiser,
        x: torch.Tensor,
        reconstruction: torch.Tensor,
        flagged: torch.Tensor,
        noise: NoiseSource,
    ) -> torch.Tensor:
        """Reconstructions (N, C, H, W) that are the input outside of what is flagged.

        Args:
            denoiser: of the healthy class.
            x: the input, (N, C, H, W).
            reconstruction: a first one, (N, C, H, W), which the flagged part is noised from.
            flagged: (N, 1, H, W), 1 where to draw anew, else 0.
            noise: gives the noise of the images of some rows of the batch.
        """
        result = x.clone()
        todo = torch.nonzero(flagged.flatten(1).any(1))[:, 0]
        if len(todo):
            chosen = todo.tolist()
            own = denoiser.take(chosen * self.samples)
            result[todo] = self._draw(own, x[todo], reconstruction[todo], flagged[todo], noise(chosen))
        return result

    def _draw(
        self, denoiser: Denoiser, x: torch.Tensor, reconstruction: torch.Tensor, flagged: torch.Tensor, noise: Noise
    ) -> torch.Tensor:
        eps = torch.cat([noise(x) for _ in range(self.samples)])
        flagged, known, start = (v.repeat(self.samples, 1, 1, 1) for v in (flagged, x, x.lerp(reconstruction, flagged)))
        schedule = denoiser.schedule
        grid = make_grid(schedule, self.level, self.steps)[::-1]
        z = schedule.add_noise(start, eps, grid[0])
        for here, there in pairwise(grid):
            z = ddim_step(schedule, z, denoiser(z, here).eps, here, there)
            z = schedule.add_noise(known, eps, there).lerp(z, flagged)
        return z.unflatten(0, (self.samples, len(x))).mean(0)
