# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.utils import DataError
from monai_anomaly.visualize import difference_comparison_figure, uncertainty_comparison_figure

from .pictures import at, cells, center, is_blue, is_red, near
from .test_examples_figures import OTHER, PLACE, anomaly, segmentation, square


def test_reconstruction_and_difference_of_every_method(tmp_path: Path) -> None:
    """The first method takes the lesion away, the second makes an error elsewhere, brighter than the image."""
    ours, other = anomaly(), anomaly()
    ours["reconstruction"] = ours["twin"]
    other["reconstruction"] = other["image"] + 0.6 * square(OTHER)
    difference_comparison_figure(tmp_path / "a.png", {"ours": ours, "VAE": other}, title="two")
    (image, true, healthy, own, second, errors), empty = cells(tmp_path / "a.png", 2, 6)
    assert near(center(image[..., 0] > 150), PLACE) and np.ptp(healthy) < 2
    for cell in (true, own):
        assert near(center(is_blue(cell)), PLACE) and not is_red(cell).any()
    assert near(center(is_red(errors)), OTHER) and not is_blue(errors).any()
    assert at(second, *PLACE)[0] > 150 and at(second, *OTHER)[0] > 150
    assert empty[3].min() > 240  # no difference is white


def test_without_twins_there_is_no_true_difference(tmp_path: Path) -> None:
    cases = {key: values for key, values in anomaly().items() if key != "twin"}
    difference_comparison_figure(tmp_path / "a.png", {"ours": cases})
    assert near(center(is_blue(cells(tmp_path / "a.png", 2, 3)[0][2])), PLACE)


def test_uncertainty_of_every_method(tmp_path: Path) -> None:
    single = segmentation()
    del single["samples"], single["variance"]
    uncertainty_comparison_figure(tmp_path / "a.png", {"ours": segmentation(), "SegNet": single})
    first, second = cells(tmp_path / "a.png", 2, 4)
    for cell, other in zip(first, second, strict=True):
        assert near(center(cell[..., 0] > 150), PLACE) and not (other[..., 0] > 150).any()


def test_what_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    without = {key: values for key, values in anomaly().items() if key != "reconstruction"}
    with pytest.raises(DataError, match="b: expected cases with a healthy reconstruction"):
        difference_comparison_figure(tmp_path / "a.png", {"a": anomaly(), "b": without})
    turned = {key: values[::-1] for key, values in segmentation().items()}
    with pytest.raises(DataError, match=r"b: expected the cases of a, \[\('s0', '4'\).*found \[\('s1', '4'\)"):
        uncertainty_comparison_figure(tmp_path / "a.png", {"a": segmentation(), "b": turned})
