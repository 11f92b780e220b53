# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from monai_anomaly.apps.segmentation_benchmark_table import (
    region_differences,
    region_scores,
    segmentation_benchmark_table,
)
from monai_anomaly.metrics import evaluate_segmentation
from tests.metrics.segmentation.blobs import make_blobs

ABOUT = {
    "date": "today",
    "git_revision": None,
    "versions": {"torch": "2"},
    "threads": 1,
    "device": "cpu",
    "samples": 5,
}
SUBJECTS = [f"s{i // 3}" for i in range(9)]


def row(wobble: float, seconds: float, **options: Any) -> dict[str, Any]:
    cases = make_blobs(wobble=wobble, regions=2, **options)
    report = evaluate_segmentation(None, cases, ["WT", "TC"], ["t1", "flair"], resamples=0)
    return {"regions": region_scores(report), "evaluations": 1000 * seconds, "seconds": seconds}


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    return {"first": row(1.0, 1.0), "same": row(1.0, 0.5), "worse": row(3.0, 0.25)}


def test_the_same_masks_differ_by_nothing(rows: dict[str, Any]) -> None:
    differences = region_differences(rows, ["first", "same", "worse"], SUBJECTS)
    assert list(differences) == ["WT", "TC"]
    same, worse = (differences["WT"][name] for name in ("same", "worse"))
    assert same["ece"] == 0 and same["dice"]["value"] == 0 and same["dice"]["ci95"] == [0, 0]
    assert same["less"] == "first" and same["dice"]["n"] == 6
    assert worse["dice"]["ci95"][1] < 0 < worse["ece"]


def test_the_ensemble_stands_beside_one_sample(rows: dict[str, Any]) -> None:
    scores = rows["worse"]["regions"]["WT"]
    assert scores["one_sample"]["dice"] < scores["dice"]
    mean = [d for d in scores["per_slice"]["one_sample"] if d is not None]
    assert sum(mean) / len(mean) == pytest.approx(scores["one_sample"]["dice"], abs=1e-4)


def test_table_shows_the_first_region_and_the_ratio_of_times(rows: dict[str, Any]) -> None:
    names = ["first", "same", "worse"]
    differences = region_differences(rows, names, SUBJECTS)
    lines = segmentation_benchmark_table(rows, names, differences, SUBJECTS, ABOUT).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:5]]
    table = {c[0]: dict(zip(cells[0], c, strict=True)) for c in cells[2:]}
    assert table["first"]["Δ Dice of n (95 %)"] == table["first"]["Δ ECE"] == "-"
    assert table["same"]["Δ ECE"] == "+0.0000" and table["same"]["Δ Dice of n (95 %)"].startswith("+0.000 (")
    assert [table[n]["ratio"] for n in names] == ["1.0000", "0.5000", "0.2500"]
    assert table["worse"]["evaluations a sample"] == "250"
    assert table["first"]["Dice of n"] == f"{rows['first']['regions']['WT']['dice']:.3f}"
    assert lines[-1].startswith("WT; n = 5; 9 test slices of 3 subject(s)")


def test_scores_that_are_unknown_are_dashes() -> None:
    empty = {"first": row(0.0, 1.0, n=1), "second": row(0.0, 1.0, n=1)}
    names, subjects = list(empty), ["s0"]
    table = segmentation_benchmark_table(empty, names, region_differences(empty, names, subjects), subjects, ABOUT)
    assert [cell.strip() for cell in table.splitlines()[3].split("|")][3:8] == ["-"] * 4 + ["0"]
