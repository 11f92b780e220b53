# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monai_anomaly.apps.benchmark_table import COLUMNS, benchmark_table, paired_differences
from monai_anomaly.metrics import cluster_bootstrap

ABOUT = {"date": "today", "git_revision": None, "versions": {"torch": "2"}, "threads": 1}
SUBJECTS = [f"s{i // 3}" for i in range(24)]


def row(dice: np.ndarray, ap: np.ndarray) -> dict[str, Any]:
    lists = [[None if np.isnan(x) else float(x) for x in values] for values in (dice, ap)]
    return dict.fromkeys(COLUMNS, 1.0) | {"per_slice": dict(zip(("dice", "ap"), lists, strict=True))}


def make_rows(better: float = 0.0, checkpoints: int = 2) -> dict[str, dict[str, Any]]:
    """Two settings, the second better by ``better``; slices and checkpoints differ much more; a third is healthy."""
    rng = np.random.default_rng(0)
    rows = {}
    for checkpoint in range(checkpoints):
        dice, ap = rng.random((2, 24)) + checkpoint
        dice[::3] = ap[::3] = np.nan
        rows[f"m{checkpoint}"] = {"first": row(dice, ap), "second": row(dice + better, ap - better)}
    return rows


def test_a_setting_that_changes_nothing_differs_by_nothing() -> None:
    difference = paired_differences(make_rows(), ["first", "second"], SUBJECTS)["second"]
    assert difference["dice"] == difference["ap"] == {"value": 0, "sd": 0, "n": 16, "ci95": [0, 0]}
    assert difference["less"] == "first" and difference["checkpoints"] == 2


def test_pairing_finds_what_the_spread_of_slices_hides() -> None:
    difference = paired_differences(make_rows(0.01), ["first", "second"], SUBJECTS)["second"]
    assert difference["dice"]["ci95"] == pytest.approx([0.01, 0.01])
    assert difference["ap"]["ci95"] == pytest.approx([-0.01, -0.01])


def test_more_checkpoints_are_no_more_subjects() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random((2, 24))
    rows = {f"m{i}": {"first": row(first, first), "second": row(second, second)} for i in range(5)}
    difference = paired_differences(rows, ["first", "second"], SUBJECTS)["second"]
    assert difference["dice"]["ci95"] == pytest.approx(cluster_bootstrap(second - first, SUBJECTS))


def test_checkpoints_without_the_first_setting_are_left_out() -> None:
    rows = make_rows(0.01)
    del rows["m1"]["first"]
    assert paired_differences(rows, ["first", "second"], SUBJECTS)["second"]["checkpoints"] == 1
    del rows["m0"]["first"]
    assert paired_differences(rows, ["first", "second"], SUBJECTS) == {}


def test_table_shows_differences_but_for_the_first() -> None:
    rows, names = make_rows(0.01), ["first", "second"]
    lines = benchmark_table(rows, names, paired_differences(rows, names, SUBJECTS), SUBJECTS, ABOUT).splitlines()
    first, second = (line.split(" | ") for line in lines[2:4])
    assert first[2] == first[4] == "-"
    assert second[2] == "+0.010 (+0.010 to +0.010)" and second[4] == "-0.010 (-0.010 to -0.010)"
    assert len({line.count("|") for line in lines[:4]}) == 1
    assert "24 test slices of 8 subject(s)" in lines[-1]


def test_one_subject_has_a_difference_without_interval() -> None:
    rows, names = make_rows(0.01), ["first", "second"]
    differences = paired_differences(rows, names, ["s"] * 24)
    assert differences["second"]["dice"]["ci95"] is None
    assert "| +0.010 |" in benchmark_table(rows, names, differences, ["s"] * 24, ABOUT)
