# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.metrics import SegmentationCases
from monai_anomaly.utils import DataError
from monai_anomaly.visualize import uncertainty_comparison_figure
from tests.metrics.segmentation.blobs import make_blobs


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), np.float64)


def test_methods_stand_side_by_side(tmp_path: Path) -> None:
    methods = {"ours": make_blobs(), "Bayesian SegNet": make_blobs(samples=9), "SegNet": make_blobs(keep=False)}
    uncertainty_comparison_figure(tmp_path / "a.png", methods, rows=2)
    assert pixels(tmp_path / "a.png").std() > 10 and pixels(tmp_path / "a.png").shape[1] == 100 * (5 * 2.4 + 1)


def test_slices_are_found_by_name_in_whatever_order(tmp_path: Path) -> None:
    cases = make_blobs()
    wanted, turned = [("s0", 41), ("s2", "47")], cases.subset(reversed(range(len(cases))))
    for name, second in (("a", cases), ("b", turned)):
        uncertainty_comparison_figure(tmp_path / f"{name}.png", {"one": cases, "two": second}, wanted)
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))


def test_only_common_slices_are_shown(tmp_path: Path) -> None:
    cases = make_blobs()
    uncertainty_comparison_figure(tmp_path / "a.png", {"one": cases, "two": cases.subset([4, 5])}, rows=5)
    few = pixels(tmp_path / "a.png").shape[0]
    uncertainty_comparison_figure(tmp_path / "b.png", {"one": cases, "two": cases}, rows=5)
    assert few < pixels(tmp_path / "b.png").shape[0]


def test_missing_slices_are_named(tmp_path: Path) -> None:
    cases, other = make_blobs(), SegmentationCases()
    other.append(np.ones((2, 32, 32)), np.zeros((1, 32, 32)), np.zeros((1, 32, 32)), subject="x")
    with pytest.raises(DataError, match=r"two: .* found no \[\('s0', '41'\)\]"):
        uncertainty_comparison_figure(tmp_path / "a.png", {"one": cases, "two": other}, [("s0", 41)])
    with pytest.raises(DataError, match=r"\['one', 'two'\] have in common, found none"):
        uncertainty_comparison_figure(tmp_path / "a.png", {"one": cases, "two": other})
