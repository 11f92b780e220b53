# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage

from ..metrics import otsu_threshold

__all__ = ["Foreground", "background_constant", "find_foreground"]

_THIN = {1: 4096, 2: 256, 3: 40}  # most voxels along an axis of the grid on which the background is looked for
_FLAT = 1e-3  # of the range: what a constant varies by, stored with a scale factor or interpolated
_RIPPLE = 0.2  # of the edge: a spline leaves so much below a constant
_SIGNED = 0.25  # of the subject: more of it below what is around means intensities of both signs
_FAR = 0.05  # of the size: dark voxels further away from the bright ones are no rim of tissue
_SPREAD = 3.1  # quartile ranges above the median: 4 standard deviations of Rayleigh's or Gaussian noise
_FAINT = 0.35  # of the tissue: noise ends below
_REST = 0.4  # of the noise above its median: so much lies as far above its end, at most
_LEAST = 0.02  # of the image: so much noise at least
_SPECK = 0.02  # of the largest part: smaller parts are noise


class Foreground(NamedTuple):
    """What is the subject in a channel, and what lies around it.

    Attributes:
        inside: bool, of the channel's shape.
        level: typical value around the subject; 0 where nothing lies around it.
    """

    inside: np.ndarray
    level: float


def find_foreground(channel: np.ndarray, in_noise: bool = True) -> Foreground:
    """Tell the subject from what is around it, in one channel of an image.

    * A constant around it, as after skull stripping: what lies above the constant. Where it is 0, any value above
      counts; where it is another number, such as the 3e-5 that a scale factor makes of a 0, values more than 0.1 % of
      the range above. Where as much lies below the constant as in z-scored images: what differs from it.
    * Noise around it, as in scans of whole heads: what lies above the noise, holes filled and specks left out. Noise
      is what is dark, far from everything bright and not between bright voxels; its median and quartiles give the
      threshold.
    * Neither, as in X-rays or in crops: everything, except exact zeros if nothing is below.

    Adding a constant or multiplying by a positive number changes nothing, up to the rule for an exact 0.

    Args:
        channel: (spatial...), 1 to 3 axes, finite.
        in_noise: whether to look for noise around the subject; without, only a constant counts as background.
    """
    values = np.asarray(channel, dtype=np.float32)
    thin = _thin(values)
    level = _constant(thin)
    dark = 0.0 if level in (None, 0.0) else _FLAT * _range(thin)
    noise = _noise(thin, level, dark) if in_noise else None
    if noise is not None:
        inside = _clean(values > noise[1])
        if np.mean(values[inside] < noise[0]) <= _SIGNED:  # else the subject is as dark as what was taken for noise
            return Foreground(inside, noise[0])
    if level is None:
        return Foreground(values > 0 if values.min() >= 0 else np.ones(values.shape, bool), 0.0)
    above, below = values > level + dark, values < level - dark
    if below.sum() > _SIGNED * (above.sum() + below.sum()):
        return Foreground(above | below, level) if values.min() < 0 else Foreground(values > 0, 0.0)
    return Foreground(above, level)


def background_constant(channel: np.ndarray) -> float:
    """The constant around the subject in a channel (spatial...), finite; 0 where there is none."""
    return _constant(_thin(np.asarray(channel, dtype=np.float32))) or 0.0


def _thin(values: np.ndarray) -> np.ndarray:
    return values[tuple(slice(None, None, -(-n // _THIN[values.ndim])) for n in values.shape)]


def _constant(thin: np.ndarray) -> float | None:
    """The value of a quarter of the image's edge or more, if little on the edge is below."""
    edge = np.concatenate([thin.take(i, axis).ravel() for axis in range(thin.ndim) for i in (0, -1)])
    level, room = float(np.percentile(edge, 25, method="nearest")), _FLAT * _range(thin)
    common = np.mean(np.abs(edge - level) <= room) >= 0.25
    return level if common and np.mean(edge < level - room) <= _RIPPLE else None


def _range(thin: np.ndarray) -> float:
    low, high = np.percentile(thin, (1, 99))
    return float(high - low) or float(thin.max() - thin.min())


def _noise(thin: np.ndarray, level: float | None, dark: float) -> tuple[float, float] | None:
    """Median of the noise around the subject and the threshold above it; None: there is none."""
    rest = np.ones(thin.shape, bool) if level is None else thin > level + dark
    floor = float(thin.min()) if level is None else level
    # the root brings the shades of tissue together and parts them from the noise
    root = np.sqrt(np.clip(thin - floor, 0, max(float(np.percentile(thin, 99)) - floor, 0)))
    split = _split(root[rest])
    bright = rest & (root > split)
    if not bright.any():
        return None
    opened = np.asarray(ndimage.binary_opening(bright))
    distance = np.asarray(ndimage.distance_transform_edt(~(opened if opened.any() else bright)))
    around = rest & (root <= split) & (distance > _FAR * np.mean(thin.shape)) & ~_between(bright)
    air = np.sort(thin[around])
    while air.size >= _LEAST * thin.size:
        median, threshold = _level_and_threshold(air)
        above = thin[thin > threshold]
        faint = above.size and threshold - floor <= _FAINT * (float(np.median(above)) - floor)
        if faint and _ends(thin, median, threshold):
            return median, threshold
        # where the brightest parts stand alone, dark ones are among the noise: continue with what is darker still
        air = air[: np.searchsorted(air, floor + _split(np.sqrt(air - floor)) ** 2, "right") if air[0] < air[-1] else 0]
    return None


def _split(values: np.ndarray) -> float:
    return otsu_threshold(torch.from_numpy(values)) if values.size else 0.0


def _level_and_threshold(noise: np.ndarray) -> tuple[float, float]:
    first, median, third = (float(v) for v in np.percentile(noise, (25, 50, 75)))
    steps = np.diff(np.unique(noise)[:256])
    # whole numbers: at least one of them
    return median, median + _SPREAD * max(third - first, float(steps.min()) if steps.size else 0.0)


def _ends(thin: np.ndarray, median: float, threshold: float) -> bool:
    """Whether few values lie above the threshold of the noise, as far again as the threshold above the median."""
    edges = (median, np.nextafter(np.float32(threshold), np.inf), 2 * threshold - median)
    below, above = np.histogram(thin, edges)[0] if edges[1] < edges[2] else (1, 0)
    return bool(above <= _REST * below)


def _between(bright: np.ndarray) -> np.ndarray:
    """What has bright voxels on either side along two axes at least."""
    axes = np.zeros(bright.shape, int)
    for axis in range(bright.ndim):
        before = np.logical_or.accumulate(bright, axis)
        after = np.flip(np.logical_or.accumulate(np.flip(bright, axis), axis), axis)
        axes += before & after
    return np.asarray(axes >= min(2, bright.ndim))


def _clean(inside: np.ndarray) -> np.ndarray:
    """Leave the specks out and fill the holes of every slice along the last axis."""
    labels, count = ndimage.label(inside)
    if count > 1:
        core = np.bincount(labels[ndimage.binary_opening(inside)], minlength=count + 1)
        core[0] = 0
        core = core if core.any() else np.bincount(labels.ravel()) * (np.arange(count + 1) > 0)
        inside = (core >= max(1, _SPECK * core.max()))[labels]
    if inside.ndim < 3:
        return np.asarray(ndimage.binary_fill_holes(inside))
    return np.stack([np.asarray(ndimage.binary_fill_holes(s)) for s in np.moveaxis(inside, -1, 0)], axis=-1)
