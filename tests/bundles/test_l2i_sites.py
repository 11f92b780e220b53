# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Sites as they come: what each gets is in docs/how-to/several-sites.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.utils import known_cause

from .tiny_data import TINY_SITES
from .workflow import train

NAME = "l2i_classification"
Sections = dict[str, list[dict[str, Any]]]


@pytest.fixture
def evaluate(sites: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Train and evaluate on a changed datalist of the tiny phantom; the report."""

    def run(change: Callable[[Sections], None], *names: str, **options: Any) -> dict[str, Any]:
        content = json.loads((sites / "datalist.json").read_text(encoding="utf-8"))
        change(content)
        for section in ("training", "validation", "test"):
            for sample in content[section]:
                sample["image"] = [str(sites / path) for path in sample["image"]]
                sample.pop("mask", None)
        (tmp_path / "datalist.json").write_text(json.dumps(content))
        tiny = {key: value for key, value in TINY_SITES.items() if key != "phantom"}
        train(NAME, tmp_path, *names, dataset_dir=str(tmp_path), **{**tiny, **options})
        report: dict[str, Any] = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
        return report

    return run


def of(sample: dict[str, Any], site: str, label: int | None = None) -> bool:
    return sample["site"] == site and label in (None, sample["label"])


def without(section: str, site: str, label: int | None = None, keep: int = 0) -> Callable[[Sections], None]:
    """Take the samples of a site and class out of a section, but for the first few."""

    def change(content: Sections) -> None:
        first = [sample for sample in content[section] if of(sample, site, label)][:keep]
        content[section] = [s for s in content[section] if not of(s, site, label) or s in first]

    return change


def scores(report: dict[str, Any], part: str) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(report["parts"][part]["methods"].values()))
    return found


def value(score: Any) -> float | None:
    return score["value"] if isinstance(score, dict) else score


def test_site_of_one_class_has_an_accuracy_and_nothing_that_needs_two(evaluate: Any) -> None:
    report = evaluate(lambda content: None)
    for site in "BCD":
        own = scores(report, site)
        assert value(own["accuracy"]) in (0.0, 0.5, 1.0) and value(own.get("kappa")) is None
        assert value(own.get("auroc")) is None
    assert value(scores(report, "target")["kappa"]) is not None


def test_unknown_site_at_test_time_is_classified_and_counts_in_all_alone(evaluate: Any) -> None:
    def change(content: Sections) -> None:
        for sample in content["test"]:
            if of(sample, "C"):
                sample["site"] = "Z"

    report = evaluate(change, "dann")
    assert scores(report, "Z")["accuracy"]["n"] == 2 and "C" not in report["parts"]
    assert scores(report, "all")["accuracy"]["n"] == 10
    assert scores(report, "source")["accuracy"]["n"] == 4  # B and D


def test_target_of_several_sites_of_which_one_is_for_the_validation_alone(evaluate: Any) -> None:
    """As in the supplement of thesis ch. 9; the sites of hospitals may be numbers."""

    def change(content: Sections) -> None:
        for section in ("training", "validation", "test"):
            for sample in content[section]:
                sample["site"] = {"A": 1, "B": 2, "C": 3, "D": 4}[sample["site"]]
        next(s for s in content["validation"] if s["site"] == 1 and not s["label"])["site"] = 5

    report = evaluate(change, target_site=[1, 5, "3"], split=1)
    assert {name: part["counts"]["cases"] for name, part in report["parts"].items()} == {
        **{"all": 10, "target": 6, "source": 4, "1": 4, "2": 2, "3": 2, "4": 2}
    }
    assert report["settings"]["target"] == [1, 5, "3"] and report["settings"]["sources"] == ["2", "4"]


def test_class_missing_in_the_target_domain_stops_the_training(evaluate: Any, tmp_path: Path) -> None:
    for names in ([], ["vanilla"]):  # it could not be seen in the target domain whether a model works
        with pytest.raises(Exception) as caught:
            evaluate(without("training", "A", 0), *names)
        assert "in the target domain (A), found no image of class 0" in str(known_cause(caught.value))
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("section", ["validation", "test"])
def test_class_missing_in_the_target_domain_elsewhere_is_a_warning(section: str, evaluate: Any) -> None:
    with pytest.warns(UserWarning, match=rf"section '{section}'.*\(A\), found no image of class 0"):
        report = evaluate(without(section, "A", 0))
    auroc = value(scores(report, "target").get("auroc"))
    assert (auroc is None) == (section == "test")


@pytest.mark.parametrize("names", [(), ("coral",), ("can",)])
def test_site_of_one_image_is_used_with_a_warning(names: tuple[str, ...], evaluate: Any) -> None:
    with pytest.warns(UserWarning, match=r"one image only of the site\(s\) C"):
        report = evaluate(without("training", "C", keep=1), *names)
    data = report["provenance"]["model"]["training"]["data"]["training"]
    assert data["sites"]["C"] == 1


def test_target_of_one_image_per_class_is_enough(evaluate: Any) -> None:
    """It is every anchor."""

    def change(content: Sections) -> None:
        for label in (0, 1):
            without("training", "A", label, keep=1)(content)

    report = evaluate(change)
    assert report["provenance"]["model"]["training"]["data"]["training"]["sites"]["A"] == 2


def test_volumes_of_several_sizes_are_brought_to_one(evaluate: Any, tmp_path: Path) -> None:
    def change(content: Sections) -> None:
        sample = content["training"][0]
        values = np.random.default_rng(0).random((20, 31, 26)).astype(np.float32) + 1
        values[:3] = values[-3:] = 0
        nib.save(nib.Nifti1Image(values, np.diag([-9.0, 6, 7, 1])), tmp_path / "small.nii.gz")
        sample["image"] = [str(tmp_path / "small.nii.gz")]

    report = evaluate(change)
    assert report["provenance"]["model"]["training"]["data"]["training"]["samples"] == 24


def test_target_of_two_sites(evaluate: Any) -> None:
    report = evaluate(lambda content: None, target_site=["A", "B"])
    assert scores(report, "target")["accuracy"]["n"] == 6 and scores(report, "source")["accuracy"]["n"] == 4
