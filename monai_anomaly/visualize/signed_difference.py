# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Drawing d = healthy image - image with its sign: red where the healthy image is brighter, blue where it is darker."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..metrics import AnomalyCases
from .slice_grid import DrawCell, show_images

__all__ = ["show_differences", "signed_difference", "symmetric_limit"]


def signed_difference(cases: AnomalyCases, field: str, channel: int) -> np.ndarray:
    """One channel of what lies between the images and another field, float32, (N, H, W).

    Args:
        cases: the slices.
        field: ``"healthy"`` for d, ``"twin"`` for the truth (thesis ch. 6); NaN where a slice lacks it.
        channel: index of the image channel.
    """
    return cases[field][:, channel].astype(np.float32) - cases["image"][:, channel].astype(np.float32)


def symmetric_limit(differences: Iterable[np.ndarray], percentile: float = 99.8) -> float:
    """The end, above 0, of a color scale around 0 that all differences share.

    Args:
        differences: what is drawn; NaN is left out.
        percentile: of the magnitudes; 100: the largest.
    """
    values = np.concatenate([np.abs(d[np.isfinite(d)]) for d in differences] or [np.zeros(0)])
    return (float(np.percentile(values, percentile)) or float(values.max()) or 1.0) if len(values) else 1.0


def show_differences(differences: np.ndarray, limit: float, rotate: bool) -> DrawCell:
    """How to draw the slices of a stack (N, X, Y), white at 0; see :py:func:`show_images`."""
    return show_images(differences, -limit, limit, rotate, "RdBu_r")
