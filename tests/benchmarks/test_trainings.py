# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.benchmarks import trainings as module
from monai_anomaly.benchmarks.table_plan import TablePlan
from monai_anomaly.benchmarks.trainings import Training, planned_trainings, run_training, run_trainings
from monai_anomaly.evaluation import report
from monai_anomaly.utils import DataError

from .toy_training import CONFIG, train, write_plan

ROOT = Path(__file__).parents[2]


def planned(folder: Path, **rows: dict[str, Any]) -> list[Training]:
    plan = TablePlan.read(write_plan(folder / "bundle", **rows), {})
    return planned_trainings(plan, list(plan.rows), folder / "out")


def test_all_methods_come_before_the_next_split(tmp_path: Path) -> None:
    found = planned(tmp_path, **{"a/b": {"overrides": {"skill": 1.0}}})
    assert [(t.name, t.split) for t in found] == [
        *(("L2I", 1), ("vanilla", 1), ("a/b", 1), ("L2I", 2), ("vanilla", 2), ("a/b", 2))
    ]
    assert found[5].title == "row 3/3 split 2/2" and found[5].folder == tmp_path / "out/a%2Fb/split_2"
    assert found[5].arguments["split"] == 2 and found[5].arguments["skill"] == 1.0
    assert [Path(name).name for name in found[1].arguments["config_file"]] == ["train.json", "vanilla.json"]


def test_the_command_line_overrides_the_plan(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, a={"overrides": {"epochs": 7, "skill": 1.0}})
    assert TablePlan.read(plan, {"epochs": 1}).rows["a"].overrides == {"epochs": 1, "skill": 1.0}


@pytest.mark.parametrize(
    ("fails", "reason"), [("killed", "ended by SIGKILL after: epoch 3"), ("silent", r"expected .*metrics\.json")]
)
def test_a_process_that_ends_without_a_report_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, reason: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    training = planned(tmp_path, a={"overrides": {"fails": fails}})[2]
    found = run_training(training)
    assert found is not None and re.search(reason, found)


def test_a_training_whose_report_fails_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(training: Training) -> str | None:
        models, output = (str(training.folder / name) for name in ("models", "eval"))
        try:
            train(models, output, split=training.split, epochs=1, skill=1.0)
        except OSError as error:
            return str(error)
        return None

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    one = planned(tmp_path)[:1]
    with monkeypatch.context() as patch:
        patch.setattr(report, "save_cases", fail)
        assert list(run_trainings(one, run).values()) == ["disk full"] and not one[0].done
    assert run_trainings(one, run) == {} and one[0].done
    assert len((one[0].folder / "models/runs.txt").read_text().splitlines()) == 2


def test_the_time_left_is_that_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])

    def run(training: Training) -> str | None:
        clock[0] += 600 if training.name == "L2I" else 60
        return "broken" if training.split == 2 and training.name == "L2I" else None

    assert run_trainings(planned(tmp_path), run) == {"row 1/2 split 2/2 (L2I)": "broken"}
    lines = [line for line in capsys.readouterr().out.splitlines() if "log in" in line]
    # 3 trainings of 10 minutes; 10 and 1 minute; 1 minute
    assert ["min left" in line for line in lines] == [False, True, True, True]
    assert [line.split(", about ")[1].split(" min")[0] for line in lines[1:]] == ["30", "11", "1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"rows": {"a": {}}, "splits": 0, "config": []}, "splits of at least 1, found 0"),
        ({"rows": {}, "splits": 1, "config": []}, "rows of names and methods, found {}"),
        (
            {"rows": {"a": {}}, "splits": 1, "config": ["none.json"]},
            r"config none\.json at .* or .*, found no such file",
        ),
        ({"rows": {"a": {}}, "splits": 1, "config": 3}, "config of the plan of names of files, found 3"),
        (
            {"rows": {"a": {"configs": []}}, "splits": 1, "config": []},
            "row a, entries config, overrides, found configs",
        ),
        ({"rows": {"a": 3}, "splits": 1, "config": []}, "expected row a, found a int"),
        ({"rows": {"a": {"overrides": [1]}}, "splits": 1, "config": []}, "overrides of row a of names and entries"),
        ({"rows": {"a=b": {}}, "splits": 1, "config": []}, "without = and comma, found 'a=b'"),
        (
            {"rows": {"a": {}}, "splits": 1, "config": "train.json", "split_id": "fold"},
            r"train\.json: .* found no fold",
        ),
        ({"rows": {"a": {}}, "splits": 1, "config": "train.json", "split_id": 3}, "split_id of a text, found 3"),
        ({"rows": {"..": {}}, "splits": 1, "config": "train.json"}, "names of rows.*, found '..'"),
        (
            {"rows": {"a": {}}, "splits": 1, "config": "list.json"},
            r"list\.json: expected a configuration, found a list",
        ),
        ({"rows": {"a": {}}, "splits": 1, "config": "broken.json"}, r"broken\.json: expected a configuration"),
        (
            {"rows": {"a": {"overrides": {"epoch": 3, "train#new": 1}}}, "splits": 1, "config": "train.json"},
            r"train\.json: expected overrides of its entries, found epoch, which it has not",
        ),
        ([1], "expected the plan of a table, .*, found a list"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    (tmp_path / "train.json").write_text(json.dumps(CONFIG))
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")
    path = tmp_path / "table.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        TablePlan.read(path, {})
