# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.registration import SpaceTransform, load_transform, save_transform
from monai_anomaly.utils import DataError

MATRIX = [[0.9, 0.1, 0, 5], [-0.1, 1.1, 0.05, -7], [0, 0, 1, 2], [0, 0, 0, 1]]
TRANSFORM = SpaceTransform(MATRIX, "MNI152", "ab", [10, 11, 12], np.eye(4).tolist(), {"overlap": 0.9})


def test_a_transform_comes_back(tmp_path: Path) -> None:
    save_transform(tmp_path / "t.json", TRANSFORM)
    assert load_transform(tmp_path / "t.json") == TRANSFORM
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.json", "t.tfm"]


def test_itk_moves_points_alike(tmp_path: Path) -> None:
    itk = pytest.importorskip("itk")
    save_transform(tmp_path / "t.json", TRANSFORM)
    transform = itk.transformread(str(tmp_path / "t.tfm"))[0]
    ras = np.array([10.0, -20, 30])
    lps = np.array(transform.TransformPoint((ras * (-1, -1, 1)).tolist()))
    np.testing.assert_allclose(lps * (-1, -1, 1), (np.array(MATRIX) @ [*ras, 1])[:3], atol=1e-9)


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"matrix": 3})])
def test_a_file_that_is_no_transform_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(DataError, match=r"t\.json: expected the JSON of a transform"):
        load_transform(tmp_path / "t.json")
    with pytest.raises(DataError, match="no such file"):
        load_transform(tmp_path / "other.json")


def test_a_matrix_of_another_shape_is_refused(tmp_path: Path) -> None:
    save_transform(tmp_path / "t.json", replace(TRANSFORM, native_affine=[[1.0]]))
    with pytest.raises(DataError, match="shapes"):
        load_transform(tmp_path / "t.json")
