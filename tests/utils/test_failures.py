# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from pathlib import Path

from monai_anomaly.utils import latest_failures


def put(path: Path, text: str, time: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (time, time))


def test_what_failed_last_counts_once_and_until_it_is_done(tmp_path: Path) -> None:
    first = [{"case": name, "reason": "first"} for name in "abcd"]
    put(tmp_path / "failed.json", json.dumps(first), 10)
    put(tmp_path / "failed_1_of_2.json", json.dumps([{"case": "a", "reason": "second"}]), 20)
    put(tmp_path / "b" / "report.html", "", 15)  # done since
    put(tmp_path / "c" / "report.html", "", 5)  # of an earlier run
    found = latest_failures(tmp_path, "failed*.json", "report.html")
    assert {entry["case"]: entry["reason"] for entry in found} == {"a": "second", "c": "first", "d": "first"}
    assert latest_failures(tmp_path, "other*.json", "report.html") == []
