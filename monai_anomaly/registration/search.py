# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable

import torch

from .affine import NUM_PARAMETERS
from .similarity import AffineSimilarity

__all__ = ["DEGREES_OF_FREEDOM", "coarse_to_fine"]

DEGREES_OF_FREEDOM = {6: 6, 7: 7, 12: NUM_PARAMETERS}
"""Degrees of freedom -> how many leading parameters move: rigid, and one scale, and all."""

_SEARCH_FWHM = 10.0
_LEVELS = ((8.0, 60, 0.03), (5.0, 60, 0.015), (3.0, 60, 0.006))  # FWHM in mm, iterations, learning rate


def coarse_to_fine(
    similarity: AffineSimilarity, starts: Iterable[torch.Tensor], degrees_of_freedom: int = 12, kept: int = 3
) -> list[tuple[float, torch.Tensor]]:
    """Try all starts at a coarse blur, refine the best with at most one scale, and the two best of these in full.

    Args:
        similarity: to climb.
        starts: parameters, (13,) each.
        degrees_of_freedom: 6 (rigid), 7 (and one scale) or 12.
        kept: how many of the starts are refined.

    Returns:
        Similarity at the finest blur and parameters, the best first; one or two.
    """
    free = DEGREES_OF_FREEDOM[degrees_of_freedom]
    similarity.set_blur(_SEARCH_FWHM)
    best = _ranked(similarity, starts)[:kept]
    similarity.set_blur(_LEVELS[0][0])
    best = _ranked(similarity, [_climb(similarity, p, *_LEVELS[0][1:], free=min(7, free)) for _, p in best])[:2]
    ends = [p for _, p in best]
    for fwhm, iterations, rate in _LEVELS:
        similarity.set_blur(fwhm)
        ends = [_climb(similarity, p, iterations, rate, free) for p in ends]
    return _ranked(similarity, ends)


@torch.no_grad()
def _ranked(similarity: AffineSimilarity, candidates: Iterable[torch.Tensor]) -> list[tuple[float, torch.Tensor]]:
    return sorted(((float(similarity(p)), p) for p in candidates), key=lambda pair: pair[0], reverse=True)


def _climb(similarity: AffineSimilarity, start: torch.Tensor, iterations: int, rate: float, free: int) -> torch.Tensor:
    """Follow the gradient at the blur that is set; only the first ``free`` parameters move."""
    p = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([p], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, iterations, eta_min=0.05 * rate)
    with torch.enable_grad():
        for _ in range(iterations):
            optimizer.zero_grad()
            (-similarity(p, similarity.draw())).backward()
            assert p.grad is not None
            p.grad[free:] = 0
            optimizer.step()
            schedule.step()
    return p.detach()
