# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from .contrast import Site

__all__ = ["acquire", "bias_field"]


_SLICE_SHADING = 0.06  # standard deviation of the logarithm of each of four waves


def bias_field(rng: np.random.Generator, shape: tuple[int, ...], amplitude: float) -> np.ndarray:
    """Sensitivity of a receive coil: exp of three broad Gaussians, a slope and a wave along the slices.

    The geometric mean is about 1. The wave (excitation, ends of the coil) gives a slice a brightness of its own.

    Args:
        rng: the source of randomness.
        shape: (X, Y, Z).
        amplitude: largest absolute logarithm, without the wave.
    """
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in shape]
    log = np.zeros(shape, np.float32)
    for _ in range(3):
        center, weight = rng.normal(0, 0.8, 3), rng.uniform(-1, 1)
        gx, gy, gz = (np.exp(-((a - c) ** 2) / 1.2).astype(np.float32) for a, c in zip(axes, center, strict=True))
        log += weight * gx[:, None, None] * gy[:, None] * gz
    slope = rng.normal(0, 0.5, 3).astype(np.float32)
    log += slope[0] * axes[0][:, None, None] + slope[1] * axes[1][:, None] + slope[2] * axes[2]
    log -= log.mean()
    log *= np.float32(amplitude / np.abs(log).max())
    for k in range(1, 5):
        log += np.float32(rng.normal(0, _SLICE_SHADING)) * np.cos(np.float32(0.5 * np.pi * k) * (axes[2] + 1))
    return np.exp(log)


def acquire(
    clean: np.ndarray, brain: np.ndarray, site: Site, rng: np.random.Generator, spacing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scan: slice profile, coil, Rician noise, receiver. Equal states of ``rng`` give equal bias and noise.

    Args:
        clean: signal of each contrast, (C, X, Y, Z).
        brain: mask, (X, Y, Z); outside the image is 0, as after skull stripping.
        site: the scanner.
        rng: the source of randomness.
        spacing: voxel size in mm.

    Returns:
        The image and the bias field in it (as the receiver's gamma leaves it), each (C, X, Y, Z), float32.
    """
    image, bias = np.empty_like(clean), np.empty_like(clean)
    for k, signal in enumerate(clean):
        if site.blur > 0:
            signal = ndi.gaussian_filter1d(signal, site.blur / spacing, axis=2)
        bias[k] = bias_field(rng, signal.shape, site.bias * rng.uniform(0.7, 1.3))
        real, imaginary = rng.standard_normal((2, *signal.shape), dtype=np.float32) * np.float32(site.noise)
        magnitude = np.hypot(signal * bias[k] + real, imaginary)
        if site.gamma != 1.0:
            magnitude **= np.float32(site.gamma)
            bias[k] **= np.float32(site.gamma)
        image[k] = np.float32(site.gain) * magnitude * brain
    return image, bias
