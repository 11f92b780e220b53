# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.data.phantom import PhantomSubject, make_subject
from monai_anomaly.visualize import phantom_figure, uniqueness_figure
from monai_anomaly.visualize.style import COLORS

from .pictures import cells, has_color, is_red, pixels


@pytest.fixture(scope="module")
def people() -> list[PhantomSubject]:
    return [make_subject(seed, "A", lesion, spacing=6.0) for seed, lesion in enumerate((None, "tumour", "ms"))]


def test_every_class_of_lesion_is_outlined_in_its_color(people: list[PhantomSubject], tmp_path: Path) -> None:
    phantom_figure(tmp_path / "a.png", people)
    healthy, tumor, ms = (row[5] for row in cells(tmp_path / "a.png", 3, 6))
    label = people[1].label[..., (people[1].label > 0).sum((0, 1)).argmax()]
    for color, value in zip(COLORS, (1, 2, 4), strict=False):
        assert has_color(tumor, color).any() == (label == value).any()
    assert has_color(ms, COLORS[3]).any() and not any(has_color(healthy, color).any() for color in COLORS[:4])


def test_image_and_twin_of_healthy_people_are_the_same(people: list[PhantomSubject], tmp_path: Path) -> None:
    phantom_figure(tmp_path / "a.png", people[:2])
    healthy, tumor = cells(tmp_path / "a.png", 2, 6)
    np.testing.assert_allclose(healthy[3], healthy[4], atol=8)
    assert np.abs(tumor[3] - tumor[4]).max() > 50


def test_a_copy_is_red_in_the_correlations(people: list[PhantomSubject], tmp_path: Path) -> None:
    uniqueness_figure(tmp_path / "a.png", people)
    uniqueness_figure(tmp_path / "b.png", [*people[:2], replace(people[1], seed=9)])
    a, b = (is_red(pixels(tmp_path / f"{name}.png")).sum() for name in "ab")
    assert b > 1.3 * a  # beside the diagonal as well


def test_one_subject_has_no_copy(people: list[PhantomSubject], tmp_path: Path) -> None:
    uniqueness_figure(tmp_path / "a.png", people[:1])
    assert is_red(pixels(tmp_path / "a.png")).any()  # the diagonal
