# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What of a translated image should change, and how large a lesion is: shared by scores and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ..utils import interior
from .cases import Cases

__all__ = ["SIZE", "Edited", "brain_of", "grown", "relative_size", "stacked_masks", "wanted_value"]

SIZE = "size"
"""Name of the scalar that masks measure: lesion pixels / brain pixels of the slice."""
SHRINKING = ("shrink",)
"""Edits whose lesion stays within that of the input."""


@dataclass(frozen=True)
class Edited:
    """The regions of translated images.

    Args:
        cases: the images.
        brain: (N, 1, H, W) bool.
        lesion: where the lesion is, or should be: ``mask`` or ``target_mask``, the same.
        around: the lesion with the margin; what lies in the brain outside of it should not change.
        wanted: (N,) the scalar that was asked for, see `wanted_value`.
        target_known: (N,) of which cases the desired lesion is known.
        known: (N,) of which cases it is known where a lesion is or should be.
        settings: of the task.
    """

    cases: Cases
    brain: np.ndarray
    lesion: np.ndarray
    around: np.ndarray
    wanted: np.ndarray
    target_known: np.ndarray
    known: np.ndarray
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, cases: Cases, settings: Mapping[str, Any]) -> Edited:
        """Find the regions of some cases.

        The desired lesion must be known, or a size of 0 be asked for; a lesion that is to shrink stays within that of
        the input. A case without ``mask`` had no lesion.

        Args:
            cases: see `Translation`.
            settings: ``background``, ``data_range``, ``margin`` and ``value``.
        """
        wanted = wanted_value(cases, settings)
        size = np.where(settings["value"] == SIZE, wanted, np.nan)
        target_known = cases.known("target_mask") | ((size == 0) & cases.known("mask"))
        smaller = size <= relative_size(cases, "mask", settings)
        shrinking = (np.isin(cases["edit"], SHRINKING) & cases.known("mask")) | smaller
        lesion = stacked_masks(cases, "mask") | stacked_masks(cases, "target_mask")
        around = np.stack([grown(mask, settings["margin"]) for mask in lesion])
        brain, known = brain_of(cases, settings), target_known | shrinking
        return cls(cases, brain, lesion, around, wanted, target_known, known, settings)

    @property
    def elsewhere(self) -> np.ndarray:
        """(N, 1, H, W) the brain outside of the lesion and its margin, where nothing should change."""
        return self.brain & ~self.around


def stacked_masks(cases: Cases, field: str) -> np.ndarray:
    """(N, 1, H, W) bool, empty where a case lacks the mask."""
    return cases[field].astype(bool)


def brain_of(cases: Cases, settings: Mapping[str, Any]) -> np.ndarray:
    """(N, 1, H, W) foreground of the inputs, holes filled; everything where the background is below all values."""
    return interior(cases["image"], 0, settings["background"], 0.01 * settings["data_range"])


def grown(mask: np.ndarray, margin: int) -> np.ndarray:
    """A mask (1, H, W) with a margin in pixels, diagonal neighbors counted."""
    if not margin or not mask.any():
        return mask
    return np.asarray(ndimage.binary_dilation(mask, np.ones((1, 3, 3), bool), margin))


def relative_size(cases: Cases, field: str, settings: Mapping[str, Any]) -> np.ndarray:
    """(N,) pixels of a mask in the brain / pixels of the brain, those above the background in any channel of the input,
    see `LesionFraction`; NaN where a case lacks the mask, or has no brain."""
    brain = (cases["image"] > settings["background"]).any(1, keepdims=True)
    pixels = brain.sum((1, 2, 3))
    known = cases.known(field) & (pixels > 0)
    lesion = (stacked_masks(cases, field) & brain).sum((1, 2, 3))
    return np.where(known, lesion / np.maximum(pixels, 1), np.nan)


def wanted_value(cases: Cases, settings: Mapping[str, Any]) -> np.ndarray:
    """(N,) the scalar that was asked for; where it is a size and none was given, that of the desired lesion."""
    wanted = np.asarray(cases["target_value"], np.float64)
    if settings["value"] != SIZE:
        return wanted
    return np.where(np.isfinite(wanted), wanted, relative_size(cases, "target_mask", settings))
