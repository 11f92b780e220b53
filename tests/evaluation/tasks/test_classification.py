# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, roc_auc_score

from monai_anomaly.evaluation import Cases, Classification, evaluate_cases, write_report
from monai_anomaly.utils import DataError


def make_cases(n: int = 60, classes: int = 3, sites: int = 2, skill: float = 1.5, seed: int = 0) -> Cases:
    """Two volumes per subject; the logit of the true class is raised by ``skill``."""
    rng = np.random.default_rng(seed)
    cases = Cases(Classification.schema)
    for i in range(n):
        label = int(rng.integers(classes))
        logits = rng.normal(size=classes) + skill * np.eye(classes)[label]
        cases.append(f"s{i // 2}", i, logits=logits, label=label, site=f"site {i % sites}" if sites else None)
    return cases


def evaluate(cases: Cases, training: Any = None, **options: Any) -> dict[str, Any]:
    names = [f"class {k}" for k in range(cases["logits"].shape[1])]
    return evaluate_cases(Classification(names), cases, training=training, method="net", **options)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_are_those_of_scikit_learn(classes: int) -> None:
    cases = make_cases(classes=classes)
    scores = evaluate(cases)["parts"]["all"]["methods"]["net"]
    label, logits = cases["label"], cases["logits"].astype(float)
    called = logits.argmax(1)
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    auroc = roc_auc_score(label, probability[:, 1] if classes == 2 else probability, multi_class="ovr")
    assert scores["accuracy"]["value"] == pytest.approx((called == label).mean())
    assert scores["balanced_accuracy"]["value"] == pytest.approx(balanced_accuracy_score(label, called))
    assert scores["kappa"]["value"] == pytest.approx(cohen_kappa_score(label, called))
    assert scores["auroc"]["value"] == pytest.approx(auroc)
    confusion = np.array(scores["accuracy"]["confusion"])
    assert confusion.sum() == len(cases) and confusion[1, 0] == ((label == 1) & (called == 0)).sum()


@pytest.mark.parametrize("more", [[], [-3.0]])
def test_cases_that_the_network_is_sure_of_are_ranked_too(more: list[float]) -> None:
    """From a difference of 37 on the probability is 1 for all."""
    cases = Cases(Classification.schema)
    for i, (logit, label) in enumerate([(38, 0), (39, 0), (40, 1), (41, 1), (-5, 0), (45, 1)]):
        cases.append(f"s{i}", logits=[0.0, logit, *more], label=label)
    assert evaluate(cases)["parts"]["all"]["methods"]["net"]["auroc"]["value"] == 1


def test_every_site_is_scored_by_itself() -> None:
    cases = make_cases()
    report = evaluate(cases)
    assert list(report["parts"]) == ["all", "site 0", "site 1"]
    for site in ("site 0", "site 1"):
        alone = evaluate(cases.subset(np.flatnonzero(cases["site"] == site)))["parts"]["all"]
        assert report["parts"][site]["methods"] == alone["methods"]
    assert report["cases"][0]["accuracy_site 0"] == report["cases"][0]["accuracy"]
    assert report["cases"][0]["accuracy_site 1"] is None and report["cases"][0]["site"] == "site 0"
    assert list(evaluate(make_cases(sites=1))["parts"]) == list(evaluate(make_cases(sites=0))["parts"]) == ["all"]


def test_the_most_frequent_class_is_the_baseline() -> None:
    training = [{"label": label} for label in (2, 2, 0, 1, -1, -1, -1)]
    cases = make_cases()
    part = evaluate(cases, training)["parts"]["all"]
    share = (cases["label"] == 2).mean()
    assert part["methods"]["most frequent"]["accuracy"]["value"] == pytest.approx(share)
    assert part["methods"]["most frequent"]["auroc"]["value"] == 0.5
    ours = part["methods"]["net"]["accuracy"]["value"]
    assert part["comparisons"]["most frequent"]["accuracy"]["value"] == pytest.approx(ours - share)


def test_a_training_set_of_unknown_labels_leaves_the_baseline_out() -> None:
    with pytest.warns(UserWarning, match="no training sample has a known label"):
        assert list(evaluate(make_cases(), [{"label": -1}])["parts"]["all"]["methods"]) == ["net"]


@pytest.mark.parametrize(
    ("label", "message"), [(3, "training set below 3, found 3"), (0.7, "whole number"), ([0, 1, 0], "one number")]
)
def test_labels_of_the_training_set_must_fit(label: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate(make_cases(), [{"label": label}])


def test_unknown_labels_do_not_count() -> None:
    cases = make_cases(n=10)
    cases.append("x", logits=[9, 0, 0], label=-1, site="site 0")
    scores = evaluate(cases)["parts"]["all"]["methods"]["net"]
    assert scores["accuracy"]["n"] == scores["auroc"]["n"] == 10
    assert scores["kappa"] == evaluate(make_cases(n=10))["parts"]["all"]["methods"]["net"]["kappa"]


def test_names_and_labels_must_fit() -> None:
    with pytest.raises(DataError, match="Expected 3 class names"):
        evaluate_cases(Classification(["a", "b"]), make_cases())
    cases = make_cases(n=4)
    cases.append("x", logits=[0, 0, 0], label=3)
    with pytest.raises(DataError, match="Expected labels below 3, found 3"):
        evaluate(cases)


def test_report_has_tables_of_every_site_and_a_picture(tmp_path: Path) -> None:
    task = Classification(["healthy", "early", "late"])
    write_report(task, make_cases(), tmp_path, training=[{"label": 1}], method="net", keep_cases=True)
    stored = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert stored["task"] == "classification" and stored["settings"]["class_names"] == ["healthy", "early", "late"]
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    assert "## all: 60 cases" in text and "## site 1: 30 cases" in text and "| most frequent" in text
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("cases.npz", "confusion.png", "metrics.csv", "metrics.json", "metrics.md")
    ]
