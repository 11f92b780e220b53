# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Groups of images: of one site and one class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

__all__ = ["group_counts", "group_weights"]


def group_counts(
    labels: Iterable[int], sites: Iterable[str], known: Sequence[str], num_classes: int
) -> list[list[int]]:
    """The number of images of each known site and class, S x K.

    Args:
        labels: class of each image.
        sites: its site; images of unknown sites are not counted.
        known: names of the sites, in the order of `SiteTargets.site`.
        num_classes: K.
    """
    counts = {site: [0] * num_classes for site in known}
    for label, site in zip(labels, sites, strict=True):
        if site in counts:
            counts[site][int(label)] += 1
    return [counts[site] for site in known]


def group_weights(groups: Sequence[Sequence[int]]) -> torch.Tensor:
    """Factors (S, K) of the images of each site and class, with which all groups weigh the same.

    Their mean over the counted images is 1; a group without images has 1.

    Raises:
        ValueError: when no group has an image.
    """
    counts = torch.tensor(groups, dtype=torch.float32)
    present = counts > 0
    if not present.any():
        raise ValueError(f"groups must count the images of each site and class, got {groups}")
    return torch.where(present, counts.sum() / present.sum() / counts.clamp(min=1), 1)
