# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import torch

from ..schedule import Level
from .base import Guidance

__all__ = ["GuidanceOfSome"]


class GuidanceOfSome:
    """A guide of some images of a batch; the others are not guided, and cost nothing.

    Args:
        term: the guide, bound for those images alone.
        rows: their numbers in the batch.

    Example::

        def classifier(x, timesteps):
            return x.flatten(1)[:, :2]

        second = ClassifierGuidance(target=0).bind(classifier, NoiseSchedule())
        term = GuidanceOfSome(second, [1])(torch.rand(3, 1, 8, 8), 100)
        assert term[0].abs().max() == term[2].abs().max() == 0
    """

    def __init__(self, term: Guidance, rows: Sequence[int]) -> None:
        self.term = term
        self.rows = list(rows)

    def __call__(self, x: torch.Tensor, level: Level) -> torch.Tensor | float:
        """The term to add to eps of images (N, C, ...) at one level, 0 for those that are not guided."""
        term = self.term(x[self.rows], level)
        if not isinstance(term, torch.Tensor):
            return term
        every = torch.zeros_like(x)
        every[self.rows] = term.to(every)
        return every
