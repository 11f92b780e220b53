# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.evaluation.files import file_part, write_metrics


def test_three_files(tmp_path: Path) -> None:
    report = {"settings": {"a": 1}, "cases": [{"slice": "1", "dice": 0.5}, {"slice": "2", "dice": None}]}
    write_metrics(report, "text\n", tmp_path / "new", {"seed": 3})
    assert json.loads((tmp_path / "new/metrics.json").read_text(encoding="utf-8")) == {
        "provenance": {"seed": 3},
        **report,
    }
    assert (tmp_path / "new/metrics.csv").read_bytes() == b"slice,dice\n1,0.5\n2,\n"
    assert (tmp_path / "new/metrics.md").read_text(encoding="utf-8") == "text\n"


def test_what_json_does_not_know_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_metrics({"settings": {}, "cases": [{"dice": float("nan")}]}, "", tmp_path, {})
    assert not list(tmp_path.iterdir())


def test_settings_may_be_of_numpy_and_need_not_be_finite(tmp_path: Path) -> None:
    settings = {"scale": np.float32(1.5), "inferer": {"steps": (np.int64(3), -np.inf), "top": np.array([1.0, np.nan])}}
    write_metrics({"settings": settings, "cases": [{}]}, "", tmp_path, {"seed": np.int64(3)})
    found = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    expected = {"scale": 1.5, "inferer": {"steps": [3, "-inf"], "top": [1.0, "nan"]}}
    assert found["settings"] == expected and found["provenance"] == {"seed": 3}


def test_names_as_part_of_a_file_name() -> None:
    assert file_part("WT core (1)") == "WT core (1)"
    names = ["T/C", "T_C", "T%2FC", "T\\C", "T:C"]
    assert len({file_part(name) for name in names}) == 5 and "/" not in file_part("../T/C")
