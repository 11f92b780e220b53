# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.evaluation import (
    Cases,
    Classification,
    CollectCases,
    SiteClassification,
    compare,
    evaluate_cases,
    write_report,
)
from monai_anomaly.utils import DataError

TASK = SiteClassification(["healthy", "MS"], target="T")
DESIGN = {("T", 0): 10, ("T", 1): 10, ("A", 0): 8, ("B", 0): 6, ("C", 0): 1, ("M", 1): 12}
"""Site and class -> people, as in thesis ch. 9."""


def make_cases(scanner: float = 3.0, skill: float = 2.0, seed: int = 0, task: Any = TASK, design: Any = None) -> Cases:
    """The latent tells the class in one direction and the site in others; the logits are those of a network."""
    rng, axes = np.random.default_rng(seed), np.random.default_rng(9).normal(size=(6, 16))
    cases = Cases(task.schema)
    for (site, label), people in (design or DESIGN).items():
        for i in range(people):
            latent = rng.normal(size=16) + scanner * axes["TABCMX".index(site)]
            latent[0] += skill * label
            logits = [0.0, skill * (label - 0.5) + rng.normal()]
            cases.append(f"{site}{label}-{seed}-{i}", logits=logits, latent=latent, label=label, site=site)
    return cases


def evaluate(cases: Cases, training: Any = None, task: SiteClassification = TASK) -> dict[str, Any]:
    return evaluate_cases(task, cases, training=training, method="net", resamples=50)


def test_target_source_and_sites_are_parts() -> None:
    cases = make_cases()
    parts = evaluate(cases)["parts"]
    assert list(parts) == ["all", "target", "source", "A", "B", "C", "M", "T"]
    assert {name: part["counts"]["cases"] for name, part in parts.items()} == {
        **{"all": 47, "target": 20, "source": 27, "A": 8, "B": 6, "C": 1, "M": 12, "T": 20}
    }
    assert parts["target"]["methods"] == parts["T"]["methods"]
    only = evaluate(cases.subset(np.flatnonzero(cases["site"] == "T")))["parts"]
    assert list(only) == ["all", "target"] and only["target"]["methods"] == parts["target"]["methods"]


def test_several_target_sites_are_one_domain(tmp_path: Path) -> None:
    """One of them may be without a test case."""
    task = SiteClassification(["healthy", "MS"], target=["T", "M", "validated only"])
    parts = evaluate(make_cases(task=task), task=task)["parts"]
    assert {name: parts[name]["counts"]["cases"] for name in ("target", "source", "T", "M")} == {
        **{"target": 32, "source": 15, "T": 20, "M": 12}
    }
    for name in ("first", "second"):
        write_report(task, make_cases(task=task), tmp_path / name, method=name, keep_cases=True)
    compare(tmp_path / "c.json", *(f"{name}={tmp_path / name}" for name in ("first", "second")), resamples=50)
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["parts"]["target"]["counts"]["cases"] == 32


def test_unknown_sites_are_neither_target_nor_source() -> None:
    cases = make_cases()
    cases.append("x", logits=[0, 9], latent=np.zeros(16), label=0, site="X")
    cases.append("y", logits=[0, 9], latent=np.zeros(16), label=0)
    found = evaluate(cases, task=SiteClassification(["healthy", "MS"], "T", sources=["A", "B", "C", "M"]))["parts"]
    known = evaluate(make_cases())["parts"]
    assert found["source"]["methods"] == known["source"]["methods"]
    assert found["target"]["methods"] == known["target"]["methods"]
    assert found["all"]["counts"]["cases"] == 49 and found["X"]["methods"]["net"]["accuracy"]["value"] == 0
    # without a list every other name is a source
    assert evaluate(cases)["parts"]["source"]["counts"]["cases"] == 28


def test_kappa_and_auroc_of_one_class_are_absent() -> None:
    parts = evaluate(make_cases(), [{"label": 0}])["parts"]
    for row in parts["A"]["methods"].values():
        assert row["kappa"]["value"] is None and row["auroc"]["value"] is None and row["accuracy"]["value"] is not None
    assert parts["source"]["methods"]["net"]["kappa"]["value"] is not None


@pytest.mark.parametrize(("scanner", "low", "high"), [(3.0, 0.9, 1.0), (0.0, 0.0, 0.6)])
def test_the_site_probe_tells_whether_the_latent_has_the_scanner(scanner: float, low: float, high: float) -> None:
    parts = evaluate(make_cases(scanner), [{"label": 0}])["parts"]
    healthy = parts["all"]["methods"]["net"]["site_probe_healthy"]
    # site C has one person
    assert low <= healthy["value"] <= high and healthy["n"] == 24 and healthy["chance"] == pytest.approx(1 / 3)
    assert parts["all"]["methods"]["net"]["site_probe_auroc_MS"]["n"] == 22
    assert "site_probe_MS" not in parts["source"]["methods"]["net"]
    assert not any(score.startswith("site_probe") for score in parts["all"]["methods"]["most frequent"])


def test_combat_takes_the_scanner_out_of_the_latents() -> None:
    design = {("T", 0): 30, ("T", 1): 30, ("A", 0): 30, ("B", 0): 30, ("C", 0): 1, ("M", 1): 30}
    training = make_cases(3.0, 4.0, seed=1, design=design)
    report = evaluate(make_cases(3.0, 4.0), training)
    rows = report["parts"]["all"]["methods"]
    assert list(rows) == ["net", "ComBat", "most frequent"]
    assert rows["ComBat"]["site_probe_healthy"]["value"] < rows["net"]["site_probe_healthy"]["value"] - 0.2
    assert report["parts"]["target"]["methods"]["ComBat"]["accuracy"]["value"] > 0.8
    # one training image of site C: no scale is known, its case is not scored
    about = report["parts"]["all"]["about"]["ComBat"]
    assert about == {"sites": ["A", "B", "M", "T"], "class_effect_from": ["T"], "not_scored": 1}
    assert rows["ComBat"]["accuracy"]["n"] == 46 and report["parts"]["C"]["methods"]["ComBat"]["accuracy"]["n"] == 0


def test_combat_ranks_cases_that_it_is_sure_of() -> None:
    """Latents far beyond those of the training: all are called diseased with probability 1."""
    test = make_cases()
    latent = test["latent"].copy()
    latent[:, 0] = 100 + 100 * test["label"]
    report = evaluate(test.replace(latent=latent), make_cases(seed=1))
    assert report["parts"]["target"]["methods"]["ComBat"]["auroc"]["value"] == 1


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({("T", 0): 10, ("A", 0): 5, ("M", 1): 5}, "sites with several classes"),
        ({("T", 0): 10, ("A", 0): 5}, "training cases of two classes at sites with several, found 1"),
        ({("T", 0): 1, ("M", 1): 1}, "training cases of two classes at sites with several, found 0"),
    ],
)
def test_combat_is_left_out_where_it_cannot_be_estimated(design: dict, message: str) -> None:
    training = make_cases(seed=1, design=design)
    with pytest.warns(UserWarning, match=f"ComBat is left out: expected {message}"):
        assert list(evaluate(make_cases(), training)["parts"]["all"]["methods"]) == ["net", "most frequent"]


def test_a_classifier_without_a_latent_is_scored_as_a_classification() -> None:
    with_latent = make_cases()
    plain = Cases(TASK.schema)
    for case in with_latent:
        plain.append(case["subject"], logits=case["logits"], label=case["label"], site=case["site"])
    rows = evaluate(plain, plain)["parts"]["all"]["methods"]
    assert list(rows["net"]) == ["accuracy", "balanced_accuracy", "kappa", "auroc"] and "ComBat" not in rows
    other = Cases(Classification.schema)
    for case in with_latent:
        other.append(case["subject"], logits=case["logits"], label=case["label"], site=case["site"])
    same = evaluate_cases(Classification(["healthy", "MS"]), other, method="net", resamples=50)
    assert rows["net"] == same["parts"]["all"]["methods"]["net"]


def test_the_target_must_be_there_and_be_no_source() -> None:
    with pytest.raises(DataError, match="cases of the target site Z, found those of"):
        evaluate(make_cases(), task=SiteClassification(["healthy", "MS"], "Z"))
    with pytest.raises(DataError, match="sources without the target site T"):
        evaluate(make_cases(), task=SiteClassification(["healthy", "MS"], "T", ["A", "T"]))
    named = Cases(TASK.schema)
    for i, site in enumerate(("T", "source", "all")):
        named.append(f"s{i}", logits=[0, 1], label=0, site=site)
    with pytest.raises(DataError, match="Expected every part under a name of its own"):
        evaluate(named)


def test_report_has_the_table_of_the_thesis_and_pictures(tmp_path: Path) -> None:
    collect = CollectCases(TASK)
    for case in make_cases(seed=1):
        truth = {"label": case["label"], "site": case["site"], "subject": case["subject"]}
        collect.add(truth, {"logits": case["logits"], "latent": case["latent"]})
    write_report(TASK, make_cases(), tmp_path, training=collect, method="L2I", keep_cases=True)
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    title = text.split("## Target and source")[1].strip().splitlines()[0]
    assert [cell.strip() for cell in title.strip("|").split("|")][:8] == [
        *("method", "target accuracy", "target kappa", "target AUROC"),
        *("source accuracy", "source kappa", "source AUROC", "site probe healthy"),
    ]
    assert "| ComBat" in text and "Further scores" not in text and "A (8)" in text
    assert np.asarray(Image.open(tmp_path / "latent.png")).std() > 10
    assert (tmp_path / "confusion.png").is_file()
    stored = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert stored["task"] == "site_classification" and stored["settings"]["target"] == "T"


def test_methods_are_compared_with_their_variants_and_latents(tmp_path: Path) -> None:
    for name, scanner in (("L2I", 0.0), ("vanilla", 3.0)):
        cases, training = make_cases(scanner), make_cases(scanner, seed=1)
        write_report(TASK, cases, tmp_path / name, training=training, method=name, keep_cases=True)
    text = compare(tmp_path / "c.json", *(f"{name}={tmp_path / name}" for name in ("L2I", "vanilla")), resamples=50)
    result = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    rows = ["L2I", "L2I (ComBat)", "vanilla", "vanilla (ComBat)", "most frequent"]
    assert list(result["parts"]["target"]["methods"]) == rows and "vanilla (ComBat)" in text
    assert np.asarray(Image.open(tmp_path / "c.png")).shape[1] > 900  # a diagram each
