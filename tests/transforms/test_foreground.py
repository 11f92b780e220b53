# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from monai_anomaly.transforms import LoadModalities, find_foreground

SHAPES = ((96, 80), (40, 48, 36))


def ellipsoid(shape: tuple[int, ...], size: float = 0.62) -> np.ndarray:
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside: np.ndarray = sum((a / size) ** 2 for a in axes) < 1
    return inside


def brain(shape: tuple[int, ...], seed: int = 0, contrast: str = "t1") -> np.ndarray:
    """Tissue with fluid in the middle and in grooves at the rim, in a background of 0."""
    rng = np.random.default_rng(seed)
    inside = ellipsoid(shape)
    grooves = ellipsoid(shape, 0.25) | (inside & ~ellipsoid(shape, 0.52) & (rng.random(shape) < 0.5))
    fluid = {"t1": 0.3, "flair": 0.12, "t2": 3.5}[contrast]
    signal = np.where(grooves, fluid, 1.0) * rng.normal(300, 25, shape)
    return (inside * np.clip(signal, 5, None)).astype(np.float32)


def with_noise(image: np.ndarray, sigma: float, seed: int = 1) -> np.ndarray:
    real, imaginary = np.random.default_rng(seed).normal(0, sigma, (2, *image.shape))
    return np.hypot(image + real, imaginary).astype(np.float32)


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    return float(2 * (found & true).sum() / (found.sum() + true.sum()))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("contrast", ["t1", "flair", "t2"])
def test_where_the_background_is_0_the_foreground_is_what_is_above(shape: tuple[int, ...], contrast: str) -> None:
    image = brain(shape, contrast=contrast)
    found = find_foreground(image)
    assert np.array_equal(found.inside, image > 0) and found.level == 0


@pytest.mark.parametrize("offset", [3e-5, -0.01, -1024.0, 77.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_another_constant_is_as_good_as_0(shape: tuple[int, ...], offset: float) -> None:
    image = brain(shape)
    found = find_foreground(image + np.float32(offset))
    assert np.array_equal(found.inside, image > 0)
    assert found.level == pytest.approx(offset)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_spline_and_a_scale_factor_leave_the_foreground_as_it_was(shape: tuple[int, ...]) -> None:
    smooth = ndimage.shift(brain(shape), 0.4, order=3)
    step = (smooth.max() - smooth.min()) / 65535  # int16 with a scale factor and an intercept
    stored = (np.round((smooth - smooth.min()) / step) * step + smooth.min() + 0.3 * step).astype(np.float32)
    assert abs(stored.flat[0]) > 0
    found, exact = find_foreground(stored).inside, find_foreground(np.clip(smooth, 0, None).astype(np.int16)).inside
    assert overlap(found, exact) > 0.97


@pytest.mark.parametrize("sigma", [3.0, 8.0, 15.0])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("whole", [False, True])
def test_noise_around_a_head_is_left_out(shape: tuple[int, ...], sigma: float, whole: bool) -> None:
    image = with_noise(brain(shape), sigma)
    image = np.round(image / 4) if whole else image
    found = find_foreground(image)
    assert overlap(found.inside, ellipsoid(shape)) > 0.97
    moved = find_foreground(image * 4 + 64)
    assert overlap(moved.inside, found.inside) > 0.999


def test_noise_within_a_frame_of_zeros() -> None:
    image = np.pad(with_noise(brain(SHAPES[1]), 8), 6)
    assert overlap(find_foreground(image).inside, np.pad(ellipsoid(SHAPES[1]), 6)) > 0.97


def test_where_nothing_is_around_all_is_foreground() -> None:
    tissue = np.random.default_rng(0).normal(300, 40, (64, 64)).astype(np.float32)
    ramp = np.linspace(1, 1000, 4096, dtype=np.float32).reshape(64, 64)
    for image in (tissue, ramp, ramp - 500):
        assert find_foreground(image).inside.all()


def test_intensities_of_both_signs_are_all_foreground() -> None:
    inside = ellipsoid(SHAPES[1])
    image = np.where(inside, np.random.default_rng(0).normal(0, 1, inside.shape), 0).astype(np.float32)
    assert np.array_equal(find_foreground(image).inside, image != 0)


def test_the_same_image_gives_the_same_foreground_whatever_its_type() -> None:
    image = np.round(with_noise(brain(SHAPES[0]), 8)).astype(np.uint16)
    assert np.array_equal(find_foreground(image).inside, find_foreground(image.astype(np.float64)).inside)


@pytest.mark.parametrize("patient", ["TCGA_DU_5849", "TCGA_FG_5964", "TCGA_HT_7692"])
def test_real_heads_in_noise(shared: Callable[[str], Path], patient: str) -> None:
    image = np.asarray(LoadModalities()(shared(f"realdata/lgg_volumes/{patient}/flair.nii.gz")))[0]
    inside = find_foreground(image).inside
    assert (image > 0).mean() > 0.89 and 0.25 < inside.mean() < 0.62
    assert np.median(image[~inside]) < 0.2 * np.median(image[inside])


@pytest.mark.parametrize("contrast", ["t1", "t1ce", "t2", "flair"])
def test_real_stripped_brains_keep_their_foreground(shared: Callable[[str], Path], contrast: str) -> None:
    for folder in ("open_ms/cross_mni/p07", "open_ms/cross_mni/p19", "tcga_lgg/FG-6692/sri24"):
        image = np.asarray(LoadModalities()(shared(f"realdata/{folder}/{contrast}.nii.gz")))[0]
        assert np.array_equal(find_foreground(image).inside, image > 0)
