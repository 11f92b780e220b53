# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_anomaly.handlers.tables import count_cell, interval_cell, markdown_table, origin_line, score_cell
from monai_anomaly.utils import provenance


def test_columns_are_aligned() -> None:
    lines = markdown_table(["a", "long title"], [["1", "2"], ["much longer", "3"]]).splitlines()
    assert len({len(line) for line in lines}) == 1 and lines[1].startswith("| ---")


def test_cells() -> None:
    score = {"value": 0.12345, "n": 7, "ci95": [-0.1, 0.2]}
    assert score_cell(score) == "0.123" and score_cell(score, 1, "+") == "+0.1" and count_cell(score) == "7"
    assert (
        interval_cell(score, sign="+") == "-0.100 to +0.200"
        and interval_cell({**score, "ci95": [0, 1]}) == "0.000–1.000"
    )
    nothing = {"value": None, "n": 0, "ci95": None}
    assert score_cell(None) == score_cell(nothing) == count_cell(None) == "-" and interval_cell(nothing) == ""


def test_origin() -> None:
    text = origin_line(provenance("quick", 3), {"data_range": 2.0})
    assert "config quick; seed 3" in text and text.endswith("Settings: data range 2.0.")
