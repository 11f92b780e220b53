# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from monai_anomaly.apps.benchmark_file import agree, open_benchmark, used_config, write_benchmark
from monai_anomaly.utils import DataError


def test_what_was_written_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    result = open_benchmark(path)
    agree(path, result["counts"], "test slices", 24)
    result["rows"]["model [1].pt"] = {"6+6": {"per_slice": {"dice": [0.5, None, -1e-05], "ap": []}}}
    write_benchmark(path, result)
    assert open_benchmark(path) == result
    agree(path, open_benchmark(path)["counts"], "test slices", 24)
    assert '"dice": [0.5, null, -1e-05]' in path.read_text(encoding="utf-8")


def test_lists_of_odd_strings_survive(tmp_path: Path) -> None:
    entries = {"a": ["$[1, 2]", "x,", " [ ", "line\nbreak"], "b": [[1, 2], {"c": ["t1", "t 2"]}]}
    write_benchmark(tmp_path / "b.json", entries)
    assert json.loads((tmp_path / "b.json").read_text(encoding="utf-8")) == entries


@pytest.mark.parametrize("content", ['{"provenance": {}, "rows": {}}', "[]"])
def test_files_of_an_older_version_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(DataError, match=r"b\.json: expected a benchmark with .* older version.*another file"):
        open_benchmark(tmp_path / "b.json")


def test_what_differs_is_named() -> None:
    known: dict[str, Any] = {}
    value = {"translation": {"scale": 20.0, "size": (64, 72)}}
    agree(Path("b.json"), known, "model.pt", value)
    agree(Path("b.json"), known, "model.pt", value)
    for other, place in (
        ({"translation": {"scale": 10.0, "size": (64, 72)}}, "translation scale 10.0, found one with 20.0"),
        ({"translation": {"scale": 20.0, "size": (64, 80)}}, "translation size 1 80, found one with 72"),
        ({"translation": {"scale": 20.0, "size": (64, 72), "new": 1}}, "translation new 1, found one with None"),
    ):
        with pytest.raises(DataError, match=rf"b\.json: expected a benchmark with model\.pt {place}"):
            agree(Path("b.json"), known, "model.pt", other)


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
