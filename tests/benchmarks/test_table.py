# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monai_anomaly.benchmarks.table import benchmark_table, differences_to_the_first
from monai_anomaly.metrics import cluster_bootstrap

ABOUT = {"date": "today", "git_revision": None, "versions": {"torch": "2"}, "threads": 1}
SUBJECTS = [f"s{i // 3}" for i in range(24)]
Rows = dict[str, dict[str, Any]]


def row(dice: np.ndarray, seconds: float = 1.0) -> dict[str, Any]:
    cases = {"dice": [None if np.isnan(x) else float(x) for x in dice]}
    part = {"scores": {"dice": float(np.nanmean(dice)), "ece": 0.5, "hd95": None}, "cases": cases}
    return {"parts": {"a": part, "b": part}, "evaluations": {"unet": 1000 * seconds}, "seconds": seconds}


def make_rows(better: float = 0.0, checkpoints: int = 2) -> Rows:
    """Two settings, the second better by ``better``; cases and checkpoints differ much more; a third is healthy."""
    rng = np.random.default_rng(0)
    rows = {}
    for checkpoint in range(checkpoints):
        dice = rng.random(24) + checkpoint
        dice[::3] = np.nan
        rows[f"m{checkpoint}"] = {"first": row(dice), "second": row(dice + better, 0.25)}
    return rows


def table(rows: Rows, subjects: list[str] = SUBJECTS) -> list[list[str]]:
    result = {
        "rows": rows,
        "cases": {"test": {"subject": subjects}},
        "provenance": ABOUT,
        "checkpoints": {name: {"device": "cpu"} for name in rows},
        "differences": differences_to_the_first(rows, ["first", "second"], subjects),
    }
    text = benchmark_table(result, ["first", "second"], ["dice", "ece", "hd95"])
    assert f"{len(rows)} checkpoint(s)" in text and f"24 test cases of {len(set(subjects))} subject(s)" in text
    parts = text.split("## ")[1:]
    assert [part.split("\n")[0] for part in parts] == ["a", "b"]
    return [[c.strip() for c in line.strip("|").split("|")] for line in parts[0].splitlines() if line.startswith("|")]


def test_a_setting_that_changes_nothing_differs_by_nothing() -> None:
    difference = differences_to_the_first(make_rows(), ["first", "second"], SUBJECTS)["a"]["second"]
    assert difference == {"checkpoints": 2, "dice": {"value": 0, "sd": 0, "n": 16, "ci95": [0, 0]}}


def test_pairing_finds_what_the_spread_of_cases_hides() -> None:
    difference = differences_to_the_first(make_rows(0.01), ["first", "second"], SUBJECTS)["a"]["second"]
    assert difference["dice"]["ci95"] == pytest.approx([0.01, 0.01])


def test_more_checkpoints_are_no_more_subjects() -> None:
    first, second = np.random.default_rng(1).random((2, 24))
    rows = {f"m{i}": {"first": row(first), "second": row(second)} for i in range(5)}
    difference = differences_to_the_first(rows, ["first", "second"], SUBJECTS)["a"]["second"]
    assert difference["dice"]["ci95"] == pytest.approx(cluster_bootstrap(second - first, SUBJECTS))


def test_checkpoints_without_the_first_setting_are_left_out() -> None:
    rows = make_rows(0.01)
    del rows["m1"]["first"]
    assert differences_to_the_first(rows, ["first", "second"], SUBJECTS)["a"]["second"]["checkpoints"] == 1
    del rows["m0"]["first"]
    assert differences_to_the_first(rows, ["first", "second"], SUBJECTS) == {}


def test_the_table_shows_differences_where_cases_are_compared_and_the_ratio_of_times() -> None:
    title, _, first, second = table(make_rows(0.01))
    assert title == ["setting", "dice", "Δ (95 %)", "ece", "hd95", "unet", "s/case", "ratio"]
    assert first[2] == "-" and second[2] == "+0.010 (+0.010 to +0.010)"
    assert first[3] == "0.5000 ± 0.0000" and first[4] == "-"
    assert first[5:] == ["1000", "1", "1.0000"] and second[5:] == ["250", "0.25", "0.2500"]


def test_the_spread_over_checkpoints_is_that_of_a_sample() -> None:
    rows = make_rows()
    for checkpoint, ece in (("m0", 0.4), ("m1", 0.6)):
        rows[checkpoint]["first"]["parts"]["a"]["scores"]["ece"] = ece
    assert table(rows)[2][3] == f"0.5000 ± {0.2 / 2**0.5:.4f}"


def test_one_subject_has_a_difference_without_interval_and_one_checkpoint_no_spread() -> None:
    _, _, first, second = table(make_rows(0.01, checkpoints=1), ["s"] * 24)
    assert second[2] == "+0.010" and "±" not in first[1]
