# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_anomaly.evaluation.origin import origin_line, origins_table
from monai_anomaly.utils import provenance


def test_origin() -> None:
    text = origin_line(provenance("quick", 3), {"data_range": 2.0})
    assert "config quick; seed 3" in text and text.endswith("Settings: data range 2.0.")


def test_origins_tell_what_is_known_of_a_training() -> None:
    about = {"provenance": provenance("quick", 3), "training": {"parameters": 12345, "minutes": 1.234}}
    table = origins_table({"a": about, "b": {**about, "training": {}}}).splitlines()
    assert "12,345" in table[2] and "1.23" in table[2] and "| quick" in table[2] and "| - " in table[3]
