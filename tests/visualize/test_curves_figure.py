# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from monai_anomaly.visualize import curves_figure
from monai_anomaly.visualize.style import COLORS, DIM

from .pictures import has_color, pixels

POINTS = [{"samples": n, "value": v, "ci95": [v - 0.1, v + 0.1]} for n, v in ((1, 0.6), (2, 0.7), (5, 0.8))]
BINS = [{"probability": p, "frequency": p**2, "count": 10} for p in (0.1, 0.5, 0.9)]
PART: dict[str, Any] = {
    "dice_by_samples": POINTS,
    "reliability": BINS,
    "ece": 0.1,
    "risk_coverage": {"coverage": [0.1, 0.5, 1.0], "risk": [None, 0.1, 0.2]},
    "aurc": None,
}


def diagrams(path: Path, count: int) -> list[np.ndarray]:
    """The diagrams side by side, without the legend below them."""
    picture = pixels(path)
    assert abs(picture.shape[1] - 533.3 * count) <= 1
    return np.array_split(picture[:450], count, axis=1)


def heights(diagram: np.ndarray, color: str) -> tuple[float, float]:
    """How high a line begins and ends."""
    down, x = np.nonzero(has_color(diagram, color))
    return -down[x <= x.min() + 5].mean(), -down[x >= x.max() - 5].mean()


def test_every_part_has_a_line_in_every_diagram(tmp_path: Path) -> None:
    curves_figure(tmp_path / "a.png", {"WT": PART, "TC": PART}, {"s0 41": np.linspace(0.9, 0.5, 5)}, "title")
    found = diagrams(tmp_path / "a.png", 3)
    assert all(has_color(diagram, COLORS[1]).sum() > 100 for diagram in found)
    begin, end = heights(found[1], COLORS[1])
    assert begin < end  # more frequent where it is more probable
    assert has_color(found[0], DIM).sum() > has_color(found[2], DIM).sum()  # the example


def test_a_diagram_that_a_part_lacks_is_left_out(tmp_path: Path) -> None:
    single = {key: value for key, value in PART.items() if key != "dice_by_samples"}
    curves_figure(tmp_path / "a.png", {"WT": PART, "TC": single})
    assert all(has_color(diagram, COLORS[1]).any() for diagram in diagrams(tmp_path / "a.png", 2))


def test_missing_values_leave_gaps(tmp_path: Path) -> None:
    points = [*POINTS, {"samples": 9, "value": None, "ci95": None}]
    curves_figure(tmp_path / "a.png", {"WT": {"dice_by_samples": points}})
    curves_figure(tmp_path / "b.png", {"WT": {"dice_by_samples": POINTS}})
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))
