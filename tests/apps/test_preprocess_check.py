# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

from monai_anomaly.apps import preprocess_check as app
from monai_anomaly.benchmarks.known_truth import bias_field_cases, registration_cases


def test_a_registration_is_measured_against_the_known_affine() -> None:
    (row,) = registration_cases(1, 0.0, spacing=4.0)
    assert row["contrast"] == "t1" and row["error_mm"] < 1.5 and row["error_mm"] <= row["worst_mm"]
    assert 0.95 < row["determinant_ratio"] < 1.05


def test_a_bias_field_is_measured_against_the_known_one() -> None:
    rows = list(bias_field_cases(1, spacing=4.0, shrink=1, levels=2, iterations=10))
    assert [r["contrast"] for r in rows] == ["t1", "t2", "flair"]
    assert all(0 < r["correlation"] < 1 and r["white_cv_after"] < r["white_cv_before"] for r in rows)


def test_the_table_has_a_line_for_every_measure(tmp_path: Path, monkeypatch) -> None:
    rows = [{"contrast": "t1", "error_mm": 1.0, "refused": None}, {"contrast": "t2", "error_mm": None, "refused": "x"}]
    for name in ("registration_cases", "capture_cases", "bias_field_cases", "round_trip_cases"):
        monkeypatch.setattr(app, name, lambda *args: iter(rows))
    table = app.preprocess_check(tmp_path / "check.json")
    assert (tmp_path / "check.md").read_text(encoding="utf-8") == table
    assert "| N4 | error mm | 1.000 | 1.000 | 1.000 | 1 |" in table and "| N4 | refused | | | | 1 |" in table
    stored = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert stored["whole chain"] == rows and stored["provenance"]["versions"]["torch"]
