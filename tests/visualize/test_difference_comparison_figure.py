# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.utils import DataError
from monai_anomaly.visualize.difference_comparison_figure import difference_comparison_figure
from tests.metrics.squares import make_squares


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def test_reconstruction_and_difference_of_every_method(tmp_path: Path) -> None:
    methods = {"ours": make_squares(error=0.02), "VAE": make_squares(error=0.3)}
    difference_comparison_figure(tmp_path / "a.png", methods, rows=2, title="two")
    drawn = pixels(tmp_path / "a.png")
    assert drawn.shape[1] == 1060 and drawn.std() > 10
    red, blue = drawn[..., 0] - drawn[..., 2] > 80, drawn[..., 2] - drawn[..., 0] > 80
    assert red.any() and blue.any()  # darker and brighter than the image


def test_a_method_without_a_difference_is_white(tmp_path: Path) -> None:
    cases = make_squares(truth=False)
    for row in cases._rows:
        row["healthy"] = row["image"]
    difference_comparison_figure(tmp_path / "a.png", {"copy": cases}, rows=1)
    drawn = pixels(tmp_path / "a.png")
    assert drawn.shape[1] == 580
    # the color bar alone is colored
    assert ((np.ptp(drawn, axis=2) > 80).sum() < 0.05 * drawn.shape[0] * drawn.shape[1]).all()


def test_slices_are_found_by_name_in_whatever_order(tmp_path: Path) -> None:
    cases = make_squares()
    turned = cases.subset(reversed(range(len(cases))))
    for name, second in (("a", cases), ("b", turned)):
        wanted = [("s1", 0), ("s5", "0")]
        difference_comparison_figure(tmp_path / f"{name}.png", {"one": cases, "two": second}, wanted)
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))


def test_what_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="b: expected slices with a healthy reconstruction"):
        difference_comparison_figure(tmp_path / "a.png", {"a": make_squares(), "b": make_squares(maps=False)})
    with pytest.raises(DataError, match=r"a: .* found no \[\('x', '1'\)\]"):
        difference_comparison_figure(tmp_path / "a.png", {"a": make_squares()}, [("x", 1)])
