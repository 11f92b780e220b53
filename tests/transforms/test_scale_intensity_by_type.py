# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import Compose
from PIL import Image

from monai_anomaly.transforms import (
    LoadModalities,
    LoadModalitiesd,
    ScaleIntensityByBrain,
    ScaleIntensityByType,
    ScaleIntensityByTyped,
)
from monai_anomaly.utils import INTENSITY_WIDTH, DataError


def _head(rng: np.random.Generator, brightest: float) -> np.ndarray:
    """A slice of a head in noise."""
    x, y = np.mgrid[-1:1:64j, -1:1:64j]
    tissue = np.where(x**2 + y**2 < 0.5, 0.6 + 0.1 * x, 0.0)
    tissue[20:24, 20:24] = 1.0
    return np.clip(tissue + np.abs(rng.normal(0, 0.02, tissue.shape)), 0, 1) * brightest


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_a_picture_is_scaled_by_its_type(tmp_path: Path, dtype: type, top: int) -> None:
    values = _head(np.random.default_rng(0), top).astype(dtype)
    Image.fromarray(values).save(tmp_path / "a.png")
    scaled = ScaleIntensityByType(b_min=-1.0, b_max=1.0)(LoadModalities()(tmp_path / "a.png"))
    np.testing.assert_allclose(scaled[0].numpy(), values.T / top * 2 - 1, atol=1e-5)
    assert scaled.meta[INTENSITY_WIDTH].tolist() == [top]


def test_eight_and_sixteen_bits_of_one_picture_come_out_alike(tmp_path: Path) -> None:
    values = _head(np.random.default_rng(0), 1)
    Image.fromarray((values * 255).round().astype(np.uint8)).save(tmp_path / "a.png")
    Image.fromarray((values * 65535).round().astype(np.uint16)).save(tmp_path / "b.tif")
    load = Compose([LoadModalitiesd("image"), ScaleIntensityByTyped("image")])
    a, b = (load({"image": tmp_path / name})["image"] for name in ("a.png", "b.tif"))
    torch.testing.assert_close(a.as_tensor(), b.as_tensor(), atol=3e-3, rtol=0)


def test_twelve_bits_in_sixteen_are_told_and_may_be_given(tmp_path: Path) -> None:
    values = _head(np.random.default_rng(0), 3000).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    image = LoadModalities()(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a.png: .* found no value above 3000; .* --intensity#bits 12; 16 if"):
        ScaleIntensityByType()(image)
    np.testing.assert_allclose(ScaleIntensityByType(bits=12)(image)[0].numpy(), values.T / 4095, atol=1e-5)
    np.testing.assert_allclose(ScaleIntensityByType(bits=16)(image)[0].numpy(), values.T / 65535, atol=1e-5)
    with pytest.raises(DataError, match=r"a.png: expected values below 1024 \(10 bits\), found 3000"):
        ScaleIntensityByType(bits=10)(image)


def test_what_has_no_range_is_scaled_by_its_foreground(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(_head(np.random.default_rng(0), 700).astype(np.int16), np.eye(4)), tmp_path / "a.nii")
    image = LoadModalities()(tmp_path / "a.nii")
    assert torch.equal(ScaleIntensityByType()(image), ScaleIntensityByBrain()(image))


@pytest.mark.parametrize("bits", [4, 17])
def test_bad_bits(bits: int) -> None:
    with pytest.raises(DataError, match="bits: expected 8 to 16"):
        ScaleIntensityByType(bits=bits)
