# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from monai_anomaly.benchmarks.record import agree, open_record, used_config
from monai_anomaly.utils import DataError, write_json


def test_what_was_written_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    result = open_record(path)
    agree(path, result["counts"], "test cases", 24)
    result["rows"]["model [1].pt"] = {"6+6": {"seconds": 0.5}}
    write_json(path, result)
    assert open_record(path) == result
    agree(path, open_record(path)["counts"], "test cases", 24)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"provenance": {}, "rows": {}}', "expected a benchmark with .* older version.*another file"),
        ("[]", "expected a benchmark with .* older version"),
        ("{", "expected the JSON of a benchmark, found Expecting"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(DataError, match=rf"b\.json: {message}"):
        open_record(tmp_path / "b.json")


def test_what_differs_is_named() -> None:
    known: dict[str, Any] = {}
    value = {"inferer": {"scale": 20.0, "size": (64, 72)}}
    agree(Path("b.json"), known, "model.pt", value)
    agree(Path("b.json"), known, "model.pt", value)
    with pytest.raises(DataError, match=r"b\.json: expected .* model\.pt inferer size 1 80, found one with 72; to rep"):
        agree(Path("b.json"), known, "model.pt", {"inferer": {"scale": 20.0, "size": (64, 80)}})


def test_settings_that_are_not_finite_can_be_noted(tmp_path: Path) -> None:
    known: dict[str, Any] = {}
    for _ in range(2):
        agree(tmp_path / "b.json", known, "task", {"background": float("-inf"), "top": [float("nan")]})
        write_json(tmp_path / "b.json", known)
    assert known == {"task": {"background": "-inf", "top": ["nan"]}}


def test_only_entries_that_are_needed_count() -> None:
    parser = ConfigParser(
        {
            "net": {"_target_": "torch.nn.Linear", "in_features": "@width", "out_features": "$@width + @data#extra"},
            "width": 3,
            "data": {"extra": 1, "cache_dir": "/tmp"},
            "lr": 0.1,
            "optimizer": {"_target_": "torch.optim.SGD", "params": "$@net.parameters()", "lr": "@lr"},
        }
    )
    used = used_config(parser, ["net"])
    assert set(used) == {"net", "width", "data::extra"} and used["width"] == 3
    assert used_config(parser, ["data"]) == {"data": {"extra": 1}}
