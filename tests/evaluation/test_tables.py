# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_anomaly.evaluation.tables import (
    Column,
    Section,
    difference_table,
    interval_cell,
    markdown_table,
    score_cell,
    score_table,
)

MEAN = {"value": 0.0086, "sd": 0.02, "n": 8, "ci95": [0.005, 0.012]}
NOTHING = {"value": None, "sd": None, "n": 0, "ci95": None}


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def test_columns_are_aligned() -> None:
    lines = markdown_table(["a", "long title"], [["1", "2"], ["much longer", "3"]]).splitlines()
    assert len({len(line) for line in lines}) == 1 and lines[1].startswith("| ---")


def test_bars_and_line_breaks_stay_in_their_cell() -> None:
    assert markdown_table(["a|b"], [["c\nd"]]).splitlines() == ["| a\\|b |", "| ---- |", "| c d  |"]


def test_cells() -> None:
    assert score_cell(MEAN) == "0.009" and score_cell(MEAN, 1, "+") == "+0.0"
    assert interval_cell({**MEAN, "ci95": [-0.1, 0.2]}, sign="+") == "-0.100 to +0.200"
    assert interval_cell({**MEAN, "ci95": [0, 1]}) == "0.000–1.000"
    assert score_cell(None) == score_cell(NOTHING) == "-" and interval_cell(NOTHING) == interval_cell(None) == ""


def test_a_row_per_method_and_its_interval_below() -> None:
    columns = (
        Column("mse", "MSE", 4, variance=True),
        Column("dice", "Dice [kept]", beside="kept"),
        Column("dice", "n", 0, key="n"),
        Column("absent", "absent"),
    )
    methods = {"ours": {"mse": MEAN, "dice": MEAN, "kept": NOTHING}, "theirs": {"mse": NOTHING}, "none": {}}
    title, _, ours, interval, theirs = cells(score_table(methods, columns))
    assert title == ["method", "MSE (var)", "Dice [kept]", "n"]
    assert ours == ["**ours**", "0.0086 (0.0004)", "0.009 [-]", "8"]
    assert interval == ["95 % interval", "0.0050–0.0120", "0.005–0.012", ""]
    assert theirs[:2] == ["theirs", "-"]
    assert score_table({"none": {}}, columns) == ""
    over_splits = {"a": {"mse": {"value": 0.1, "sd": 0.02, "n": 2, "splits": [0.08, 0.12]}}}
    assert cells(score_table(over_splits, columns))[::2] == [["method", "MSE"], ["**a**", "0.1000 [0.0200]"]]


def test_differences_have_signs() -> None:
    columns = (Column("dice", "Dice"), Column("ap", "AP"))
    compared = {"a": {"dice": MEAN}, "b": {"ap": {**MEAN, "value": -0.25, "ci95": None}}, "c": {"other": MEAN}}
    title, _, a, b = cells(difference_table(compared, columns))
    assert title == ["minus", "Dice", "95 % interval", "n", "AP", "95 % interval", "n"]
    assert a == ["a", "+0.009", "+0.005 to +0.012", "8", "-", "-", "-"]
    assert b == ["b", "-", "-", "-", "-0.250", "-", "8"]
    assert difference_table({}, columns) == difference_table({"c": {"other": MEAN}}, columns) == ""


def test_sections() -> None:
    assert (
        str(Section("Title", "text", "legend")) == "## Title\n\ntext\n\nlegend" and str(Section("", "text")) == "text"
    )
