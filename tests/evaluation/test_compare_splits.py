# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_anomaly.evaluation import (
    AnomalyMaps,
    Cases,
    Classification,
    Segmentation,
    SiteClassification,
    Translation,
    compare,
)
from monai_anomaly.evaluation.compare_splits import mean_over_splits
from monai_anomaly.utils import DataError

from .blobs import make_blobs
from .edits import make_edits
from .folders import write_folder
from .squares import make_squares
from .test_compare import make_classes, report, table

TASK = SiteClassification(["healthy", "MS"], "T")


def make_split(split: int, skill: float, seed: int = 0, sites: str = "TTAB") -> Cases:
    """Test cases of a split: another half of the people."""
    rng = np.random.default_rng([seed, split, int(10 * skill)])
    cases = Cases(TASK.schema)
    for i in sorted(np.random.default_rng(split).permutation(48)[:24]):
        label = int(i // 4 % 2)
        cases.append(f"s{i}", logits=skill * np.eye(2)[label] + rng.normal(size=2), label=label, site=sites[i % 4])
    return cases


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    root = tmp_path_factory.mktemp("eval")
    few = [{"label": 1}]
    return {
        name: [
            write_folder(root / f"{name}{j}", TASK, make_split(j, skill), training=training, seed=j) for j in range(3)
        ]
        for name, skill, training in (("L2I", 3.0, [{"label": 0}]), ("vanilla", 1.0, [{"label": 0}]), ("few", 0.5, few))
    }


def compared(folder: Path, folders: dict[str, Sequence[str]], **options: Any) -> tuple[str, dict[str, Any]]:
    out = folder / "compare.json"
    named = (f"{name}={','.join(several)}" for name, several in folders.items())
    text = compare(out, *named, **{"rows": 0, "resamples": 50, **options})
    return text, json.loads(out.read_text(encoding="utf-8"))


def value(folder: str, part: str, score: str) -> float:
    found: float = next(iter(report(folder)["parts"][part]["methods"].values()))[score]["value"]
    return found


def test_scores_are_means_over_splits(tmp_path: Path, folders: dict[str, list[str]]) -> None:
    text, result = compared(tmp_path, folders)
    assert result["splits"] == 3 and result["seeds"] == {} and "columns" not in result
    for part in ("all", "target", "source"):
        for score in ("accuracy", "kappa", "auroc"):
            values = [value(folder, part, score) for folder in folders["vanilla"]]
            entry = result["parts"][part]["methods"]["vanilla"][score]
            assert entry["value"] == pytest.approx(np.mean(values)) and entry["splits"] == pytest.approx(values)
            assert entry["sd"] == pytest.approx(np.std(values, ddof=1)) and entry["n"] == 3
    assert "Over 3 random splits" in text and "- test, split 3: 24 cases" in text and "95 % interval" not in text
    entry = result["parts"]["target"]["methods"]["L2I"]["accuracy"]
    assert table(text, "Target and source")["L2I"][0] == f"{entry['value']:.3f} [{entry['sd']:.3f}]"


def test_differences_are_of_the_same_split(tmp_path: Path, folders: dict[str, list[str]]) -> None:
    text, result = compared(tmp_path, folders)
    found = result["parts"]["target"]["comparisons"]["vanilla"]
    for score in ("accuracy", "kappa", "auroc"):
        pairs = zip(folders["L2I"], folders["vanilla"], strict=True)
        differences = [value(a, "target", score) - value(b, "target", score) for a, b in pairs]
        assert found[score]["splits"] == pytest.approx(differences)
        assert found[score]["value"] == pytest.approx(np.mean(differences)) and found[score]["n"] == 3
        assert found[score]["sd"] == pytest.approx(np.std(differences, ddof=1))
    assert ", ".join(f"{x:+.3f}" for x in found["accuracy"]["splits"]) in text


def test_baselines_stand_once_and_again_where_the_training_set_is_another(
    tmp_path: Path, folders: dict[str, list[str]]
) -> None:
    _, result = compared(tmp_path, folders)
    rows = list(result["parts"]["all"]["methods"])
    assert rows == ["L2I", "vanilla", "few", "most frequent", "most frequent (few)"]
    # on split 2 both are right as often
    assert [m["accuracy"]["n"] for m in result["parts"]["all"]["methods"].values()] == [3] * 5
    assert result["parts"]["all"]["methods"]["most frequent (few)"]["accuracy"]["splits"][1] == 0.5


def test_the_same_cases_are_seeds(tmp_path: Path) -> None:
    own = {
        name: [write_folder(tmp_path / f"{name}{s}", TASK, make_split(0, 2.0, s), seed=s) for s in seeds]
        for name, seeds in (("a", (0, 1)), ("b", (2,)))
    }
    text, result = compared(tmp_path, own)
    assert "splits" not in result and list(result["seeds"]) == ["a"] and "random splits" not in text


def test_every_method_needs_every_split(tmp_path: Path, folders: dict[str, list[str]]) -> None:
    with pytest.raises(DataError, match=r"vanilla1/metrics\.json: expected vanilla evaluated on as many splits as L2I"):
        compared(tmp_path, {"L2I": folders["L2I"], "vanilla": folders["vanilla"][:2]})
    turned = [folders["vanilla"][j] for j in (0, 2, 1)]
    with pytest.raises(
        DataError, match=r"vanilla2/metrics\.json: expected case s\d+ .*, as .*L2I1/metrics\.json has it"
    ):
        compared(tmp_path, {"L2I": folders["L2I"], "vanilla": turned})
    copied = shutil.copytree(folders["L2I"][0], tmp_path / "copied")
    with pytest.raises(DataError, match=r"copied/metrics\.json: expected another training than .*, found a copy of it"):
        compared(tmp_path, {"L2I": [*folders["L2I"][:2], str(copied)]})
    other = write_folder(tmp_path / "other", SiteClassification(["healthy", "MS"], "A"), make_split(2, 1.0))
    with pytest.raises(DataError, match=r"other/metrics\.json: expected settings target 'T', as .*, found 'A'"):
        compared(tmp_path, {"L2I": [*folders["L2I"][:2], other]})
    assert not (tmp_path / "compare.json").exists()


def test_a_part_and_a_score_may_be_absent_on_a_split(tmp_path: Path) -> None:
    own = [write_folder(tmp_path / f"a{j}", TASK, make_split(j, 2.0, sites=s)) for j, s in enumerate(("TTAB", "TTAA"))]
    _, result = compared(tmp_path, {"a": own})
    assert result["parts"]["B"]["methods"]["a"]["accuracy"]["n"] == 1
    assert result["parts"]["B"]["methods"]["a"]["accuracy"]["sd"] is None
    assert mean_over_splits([None, 1.0, 3.0]) == {"value": 2.0, "sd": 2**0.5, "n": 2, "splits": [None, 1.0, 3.0]}
    assert mean_over_splits([None]) == {"value": None, "sd": None, "n": 0, "splits": [None]}


def test_other_tasks_have_splits_too(tmp_path: Path) -> None:
    maps, masks = AnomalyMaps(["gray"], data_range=2.0, background=-1.0), Segmentation(["t1", "flair"], ["WT", "TC"])
    for name, task, make in (("maps", maps, make_squares), ("masks", masks, lambda seed: make_blobs(seed, regions=2))):
        own = []
        for split in range(2):
            cases = make(split)
            named = cases.replace()
            named._rows = [{**row, "subject": f"{split}-{row['subject']}"} for row in named]
            own.append(write_folder(tmp_path / f"{name}{split}", task, named, make(3)))
        text, result = compared(tmp_path, {"ours": own})
        assert result["splits"] == 2 and "Over 2 random splits" in text and "ours" in text


def test_no_table_tells_of_intervals_and_variances_that_are_not_there(tmp_path: Path) -> None:
    maps = AnomalyMaps(["gray"], data_range=2.0, background=-1.0)
    tasks: tuple[tuple[Any, Any], ...] = (
        (TASK, lambda seed: make_split(0, 2.0, seed)),
        (Classification(["control", "patient", "other"]), lambda seed: make_classes(seed=seed)),
        (maps, lambda seed: make_squares(noise_seed=seed)),
        (Segmentation(["t1", "flair"], ["WT"]), lambda seed: make_blobs(wobble=1.0 + seed)),
        (Translation(["t1", "flair"]), lambda seed: make_edits(noise=0.1, seed=seed)),
    )
    for task, make in tasks:
        own: dict[str, list[str]] = {"a": [], "b": []}
        for split in range(2):
            for seed, name in enumerate(own):
                cases = make(seed)
                cases._rows = [{**row, "subject": f"{split}-{row['subject']}"} for row in cases]
                own[name].append(write_folder(tmp_path / f"{task.name}{name}{split}", task, cases))
        text, _ = compared(tmp_path, own)
        assert "95 %" not in text and "interval" not in text.split("pictures are those of the first split.")[1]
        assert "of each split" in text and "(var)" not in text and "Paired" not in text
        alone, _ = compared(tmp_path, {name: several[:1] for name, several in own.items()})
        assert "Below each mean its 95 % interval" in alone and "Paired: " in alone
        assert ("(var): the variance" in alone and "MSE(d, GT) (var)" in alone) == (task is maps)
