# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.evaluation.threshold_file import write_threshold
from monai_anomaly.utils import read_model_record


def weights(path: Path, content: bytes) -> dict[str, Any]:
    path.write_bytes(content)
    return read_model_record(path)


def value(path: Path) -> float:
    return float(json.loads(path.read_text(encoding="utf-8"))["value"])


def test_another_model_does_not_overwrite_the_threshold_of_the_one_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "threshold.json"
    own, other = weights(tmp_path / "model.pt", b"own"), weights(tmp_path / "other.pt", b"other")
    write_threshold(path, {"value": 1.0}, own)
    with pytest.warns(UserWarning, match=r"threshold\.json: left as it is: .*model\.pt, not of the other\.pt"):
        write_threshold(path, {"value": 2.0}, other)
    assert value(path) == 1
    write_threshold(path, {"value": 3.0}, own)
    assert value(path) == 3
    write_threshold(path, {"value": 4.0}, weights(tmp_path / "model.pt", b"trained anew"))
    assert value(path) == 4


@pytest.mark.parametrize("content", ["{broken", "[]", '{"value": 1.0, "origin": "validation"}'])
def test_a_file_that_does_not_tell_is_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "threshold.json"
    path.write_text(content)
    write_threshold(path, {"value": 2.0}, weights(tmp_path / "model.pt", b"own"))
    assert value(path) == 2
