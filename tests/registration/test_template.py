# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.registration import load_brain_template
from monai_anomaly.utils import DataError


def test_mni152_has_air_on_all_sides() -> None:
    template = load_brain_template()
    faces = [template.brain.take(i, axis) for axis in range(3) for i in (0, -1)]
    assert not any(face.any() for face in faces)
    assert 1700 < template.image.milliliters < 2000
    low, high = template.box()
    np.testing.assert_allclose((low + high) / 2, (0, -17, 6), atol=4)
    assert template.brain_and_ring.sum() > 1.2 * template.brain.sum()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((10, 10, 10)), "100% above 0"),
        (np.zeros((10, 10, 10)), "0% above 0"),
        (np.ones((10, 10)), "3 axes"),
    ],
)
def test_what_is_no_template_is_refused(tmp_path: Path, values: np.ndarray, message: str) -> None:
    nib.save(nib.Nifti1Image(values.astype(np.float32), np.eye(4)), tmp_path / "t.nii.gz")
    with pytest.raises(DataError, match=message):
        load_brain_template(str(tmp_path / "t.nii.gz"))


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a template in NIfTI"):
        load_brain_template(str(tmp_path / "none.nii.gz"))
