# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.apps import table as app
from monai_anomaly.apps.table import table
from monai_anomaly.benchmarks.trainings import Training, run_trainings
from monai_anomaly.utils import DataError
from tests.benchmarks.toy_training import CONFIG, train, write_plan

ROOT = Path(__file__).parents[2]


def runs(folder: Path) -> dict[str, list[str]]:
    """Row and split -> every run of the training."""
    paths = sorted(folder.glob("*/split_*/models/runs.txt"))
    return {f"{p.parts[-4]} {p.parts[-3]}": p.read_text().splitlines() for p in paths}


def run_here(training: Training) -> str | None:
    """Without a process of its own."""
    entries = {**CONFIG, "skill": 0.5 if training.name == "vanilla" else 3.0, **training.arguments}
    try:
        train(**{name: entries[name] for name in CONFIG["train"] if name != "_target_"})
    except DataError as error:
        return f"error: {error}"
    return None


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "run_trainings", partial(run_trainings, run=run_here))


def test_methods_are_trained_on_splits_in_processes_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    plan = write_plan(tmp_path / "bundle", bad={"overrides": {"fails": "a.nii.gz"}})
    out = tmp_path / "out/table.json"
    with pytest.raises(DataError, match=r"1 that failed:\n  row 3/3 split 1/1 \(bad\): a\.nii\.gz: expected les"):
        table(plan, out, splits=1, epochs=1)
    assert not out.exists()
    assert re.search(r"row 2/3 split 1/1, about \d+ min left: vanilla, log in", capfd.readouterr().out)
    assert "epoch 1" in (tmp_path / "out/L2I/split_1/log.txt").read_text()

    text = table(plan, out, only=["L2I", "vanilla"], epochs=1)
    assert runs(tmp_path / "out") == {
        f"{row} split_{split}": [f"split {split}, 1 epochs"]
        for row, splits in (("L2I", (1, 2)), ("bad", (1,)), ("vanilla", (1, 2)))
        for split in splits
    }
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["splits"] == 2 and list(result["methods"]) == ["L2I", "vanilla"]
    scores = result["parts"]["all"]["methods"]
    assert scores["L2I"]["accuracy"]["value"] > scores["vanilla"]["accuracy"]["value"]
    assert out.with_suffix(".md").read_text(encoding="utf-8") == text and "Over 2 random splits" in text


@pytest.mark.usefixtures("here")
def test_shards_share_the_trainings_and_the_last_one_writes_the_table(tmp_path: Path) -> None:
    plan, out = write_plan(tmp_path / "bundle", third={}), tmp_path / "out/table.json"
    assert "4 of 6 trainings are left to other shards" in table(plan, out, shard="2/3")
    assert list(runs(tmp_path / "out")) == ["vanilla split_1", "vanilla split_2"] and not out.exists()
    assert "2 of 6 trainings are left" in table(plan, out, shard="1/3")
    assert "# Comparison" in table(plan, out, shard="3/3")
    assert out.exists() and [len(found) for found in runs(tmp_path / "out").values()] == [1] * 6


@pytest.mark.usefixtures("here")
def test_what_is_done_is_not_run_again_and_what_is_not_is(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    plan, out = write_plan(tmp_path / "bundle"), tmp_path / "out/table.json"
    first = table(plan, out)
    (tmp_path / "out/L2I/split_2/eval/metrics.json").unlink()
    capsys.readouterr()
    second = table(plan, out)
    assert {name: len(found) for name, found in runs(tmp_path / "out").items()} == {
        **{"L2I split_1": 1, "L2I split_2": 2, "vanilla split_1": 1, "vanilla split_2": 1}
    }
    assert "3 of 4 trainings are done already" in capsys.readouterr().out
    assert [line for line in first.splitlines() if "**L2I**" in line] == [
        line for line in second.splitlines() if "**L2I**" in line
    ]
    # a further split goes on where the others ended
    assert json.loads(out.read_text(encoding="utf-8"))["splits"] == 2
    table(plan, out, splits=3)
    assert json.loads(out.read_text(encoding="utf-8"))["splits"] == 3 and len(runs(tmp_path / "out")) == 6


@pytest.mark.usefixtures("here")
def test_a_folder_has_one_configuration(tmp_path: Path) -> None:
    plan, out = write_plan(tmp_path / "bundle"), tmp_path / "out/table.json"
    table(plan, out, splits=1, epochs=1)
    with pytest.raises(
        DataError, match=r"L2I/configuration\.json: expected a table with config epochs 2, found one with 1"
    ):
        table(plan, out, splits=1, epochs=2)
    (plan.parent / "vanilla.json").write_text(json.dumps({"skill": 0.75}))
    with pytest.raises(
        DataError, match=r"vanilla/configuration\.json: expected a table with config skill 0\.75, found"
    ):
        table(plan, out, splits=1, epochs=1)
    # of what no training uses nothing is said
    (plan.parent / "vanilla.json").write_text(json.dumps({"skill": 0.5, "unused": 1}))
    table(plan, out, splits=1, epochs=1)
    assert [len(found) for found in runs(tmp_path / "out").values()] == [1, 1]


@pytest.mark.usefixtures("here")
def test_a_failing_training_does_not_stop_the_others(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "bundle", vanilla={"overrides": {"fails": "x"}}, third={})
    with pytest.raises(DataError, match="found 2 that failed"):
        table(plan, tmp_path / "out/table.json")
    assert sorted(p.parts[-4] for p in (tmp_path / "out").glob("*/*/eval/metrics.json")) == [
        "L2I",
        "L2I",
        "third",
        "third",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shard": "0/2"}, "shard must be i/n"),
        ({"shard": "3/2"}, "shard must be i/n"),
        ({"shard": "half"}, "shard must be i/n"),
        ({"splits": 0}, "splits must be a whole number, at least 1"),
        ({"splits": "two"}, "splits must be a whole number, at least 1, got 'two'"),
        ({"epoch": 3}, "found epoch, which it has not"),
        ({"only": "SegNet"}, r"only must be \(parts of\) names"),
        ({"out": "table.md"}, r"out must end in \.json"),
        ({"out": "a,b/table.json"}, "without a comma"),
        ({"split": 2}, "expected split from the table itself, found an override"),
        ({"ckpt_dir": "x"}, "expected ckpt_dir from the table itself"),
    ],
)
def test_arguments_are_checked_before_anything_is_trained(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    plan = write_plan(tmp_path / "bundle")
    out = tmp_path / options.pop("out", "table.json")
    with pytest.raises(ValueError, match=message):
        table(plan, out, **options)
    assert not list(tmp_path.glob("*/split_*"))
