# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.utils import DataError, mni152


def test_maps_lie_on_one_grid() -> None:
    t1, gray = (nib.load(mni152.mni152_file(kind)) for kind in ("t1", "gm"))
    assert t1.shape == gray.shape == (197, 233, 189)
    np.testing.assert_array_equal(t1.affine, gray.affine)


def test_without_nilearn_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(mni152, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install nilearn"):
        mni152.mni152_file("t1")


def test_another_nilearn_without_the_maps_is_named(monkeypatch, tmp_path) -> None:
    origin = type("Spec", (), {"origin": str(tmp_path / "__init__.py")})
    monkeypatch.setattr(mni152, "find_spec", lambda name: origin)
    with pytest.raises(DataError, match=r"mni_icbm152_gm.*nii\.gz"):
        mni152.mni152_file("gm")
