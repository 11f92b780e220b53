# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from monai_anomaly.evaluation import (
    AnomalyMaps,
    Cases,
    Classification,
    Columns,
    Context,
    Segmentation,
    Summary,
    case_mean,
    evaluate_cases,
    write_report,
)
from monai_anomaly.utils import DataError

from .blobs import make_blobs
from .lesions import make_lesions, noisy


def score_peak(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """Whether the highest pixel of a map is lesion."""
    pairs = zip(cases["map"], cases["mask"], strict=True)
    hit = np.array([mask.flat[map.argmax()] if mask.any() else np.nan for map, mask in pairs], float)
    return {"peak_hit": case_mean(hit, context.interval)}, {"peak_hit": hit}


@dataclass(frozen=True)
class PeakMaps(AnomalyMaps):
    scorers: ClassVar = (*AnomalyMaps.scorers, score_peak)
    paired: ClassVar = (*AnomalyMaps.paired, "peak_hit")


def classified(*sites: str) -> Cases:
    cases = Cases(Classification.schema)
    for i, site in enumerate(sites):
        cases.append(f"s{i}", logits=[0, i % 2], label=i % 2, site=site)
    return cases


def classify(method: str = "net", names: tuple[str, ...] = ("a", "b"), sites: tuple[str, ...] = ("x", "y")) -> Any:
    return evaluate_cases(Classification(names), classified(*sites), training=[{"label": 1}], method=method)


def maps(method: str = "net", names: tuple[str, ...] = ("t1", "flair")) -> Any:
    return evaluate_cases(AnomalyMaps(names), make_lesions(0, noisy), method=method)


def segment(method: str = "net", regions: tuple[str, ...] = ("lesion",), samples: int = 1) -> Any:
    cases = make_blobs(regions=len(regions), samples=samples)
    return evaluate_cases(Segmentation(["t1", "flair"], regions), cases, make_blobs(1), method=method)


@pytest.mark.parametrize(
    ("evaluate", "taken"),
    [
        (lambda: classify(sites=("all", "x")), "part .* 'all'"),
        (lambda: classify("most frequent"), "method of all .* 'most frequent'"),
        (lambda: classify(names=("a", "a")), "class .* 'class a'"),
        (lambda: maps("input untouched"), "method .* 'input untouched'"),
        (lambda: maps("intensity t1"), "method .* 'intensity t1'"),
        (lambda: maps(names=("t1", "t1")), "channel .* 't1'"),
        (lambda: segment("threshold"), "method of lesion .* 'threshold'"),
    ],
)
def test_no_name_takes_the_place_of_another(evaluate: Callable[[], Any], taken: str) -> None:
    with pytest.raises(DataError, match=f"every {taken} twice"):
        evaluate()


def test_every_region_has_a_name_of_its_own() -> None:
    with pytest.raises(DataError, match="'WT' twice"):
        evaluate_cases(Segmentation(["t1", "flair"], ["WT", "WT"]), make_blobs(regions=2))


def test_no_scorer_takes_the_place_of_another() -> None:
    @dataclass(frozen=True)
    class Twice(AnomalyMaps):
        scorers: ClassVar = (score_peak, score_peak)

    with pytest.raises(DataError, match=r"every score .* 'peak_hit' twice"):
        evaluate_cases(Twice(["t1", "flair"]), make_lesions(0, noisy))

    @dataclass(frozen=True)
    class LikeTruth(AnomalyMaps):
        scorers: ClassVar = (lambda cases, context: ({}, {"label": cases["label"]}),)

    with pytest.raises(DataError, match=r"every column .* 'label' twice"):
        evaluate_cases(LikeTruth(["t1", "flair"]), make_lesions(0, noisy))


@pytest.mark.parametrize("name", ["method", "resamples", "bootstrap_seed", "inferer"])
def test_a_setting_does_not_take_the_place_of_the_reports_own(name: str) -> None:
    task = dataclass(frozen=True)(type("Odd", (AnomalyMaps,), {"__annotations__": {name: "str"}, name: ""}))
    with pytest.raises(ValueError, match=f"settings of a task must not be called .* got .'{name}'"):
        evaluate_cases(task(["t1", "flair"]), make_lesions(0, noisy))


def test_a_score_that_no_table_shows_has_one_of_its_own(tmp_path: Path) -> None:
    report = write_report(PeakMaps(["t1", "flair"]), make_lesions(0, noisy), tmp_path, method="ours")
    found = report["parts"]["all"]["methods"]["ours"]["peak_hit"]
    assert found["n"] == 8 and "peak_hit" in report["parts"]["all"]["comparisons"]["intensity t1"]
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8").split("## Further scores")[1]
    assert "peak hit" in text and f"| **ours**        | {found['value']:.4f} " in text and "| intensity t1" in text
    write_report(AnomalyMaps(["t1", "flair"]), make_lesions(0, noisy), tmp_path)
    assert "Further scores" not in (tmp_path / "metrics.md").read_text(encoding="utf-8")
