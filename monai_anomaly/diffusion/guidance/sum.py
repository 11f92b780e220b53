# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch

from ..schedule import Level
from .base import Guidance
from .some import GuidanceOfSome

__all__ = ["GuidanceSum", "Guide"]


class GuidanceSum:
    """The sum of several guides, each with its own scale, which is its weight, interval and mask.

    Args:
        terms: the guides, bound.

    Example::

        schedule, logits = NoiseSchedule(), lambda x, timesteps: x.flatten(1)[:, :2]
        early = ClassifierGuidance(target=0, interval=(250, 500)).bind(logits, schedule)
        late = ClassifierGuidance(target=0, scale=10.0, interval=(0, 250)).bind(logits, schedule)
        term = GuidanceSum([early, late])(torch.rand(2, 1, 8, 8), 100)
    """

    def __init__(self, terms: Sequence[Guidance | GuidanceOfSome]) -> None:
        self.terms = tuple(terms)

    def __call__(self, x: torch.Tensor, level: Level) -> torch.Tensor | float:
        """The sum of the terms that act at this level."""
        return sum((term(x, level) for term in self.terms), start=0.0)


Guide: TypeAlias = Guidance | GuidanceOfSome | GuidanceSum
