# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["SiteTargets", "mean_of"]


@dataclass(frozen=True, eq=False)
class SiteTargets:
    """What is known of the images of a batch from several sites.

    Args:
        label: class of each (N,), of int64.
        site: number of its site among the known ones (N,), of int64; -1 for an unknown site.
        target: which are of the target domain (N,), of bool.
        anchor: which were drawn for the center-point loss alone (N,), of bool (line 2 of Algorithm 1 in the supplement
            of thesis ch. 9); None: every image of the target domain is for that loss and for the others.

    Raises:
        ValueError: when the parts differ in length.

    Example::

        site, target = torch.tensor([0, 1]), torch.tensor([True, False])
        targets = SiteTargets(torch.tensor([1, 0]), site, target)
        assert torch.equal(targets.anchors, target) and bool(targets.drawn.all())
    """

    label: torch.Tensor
    site: torch.Tensor
    target: torch.Tensor
    anchor: torch.Tensor | None = None

    def __post_init__(self) -> None:
        parts = [self.label, self.site, self.target, *([] if self.anchor is None else [self.anchor])]
        if any(part.shape != (len(self.label),) for part in parts):
            raise ValueError(f"label, site, target and anchor must be (N,), got {[tuple(p.shape) for p in parts]}")

    def __len__(self) -> int:
        return len(self.label)

    @property
    def anchors(self) -> torch.Tensor:
        """Images for the center-point loss (N,), of bool."""
        return self.target if self.anchor is None else self.anchor

    @property
    def drawn(self) -> torch.Tensor:
        """Images for all other losses (N,), of bool: the batch that was drawn without regard to the domain."""
        return torch.ones_like(self.target) if self.anchor is None else ~self.anchor


def mean_of(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean of some values (N,), as a scalar; of none 0, with a gradient of 0."""
    return torch.where(mask, values, 0).sum() / mask.sum().clamp(min=1)
