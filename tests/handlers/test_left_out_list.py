# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from ignite.engine import Engine

from monai_anomaly.handlers import LeftOutList

ENTRY = {"case": "p1", "reason": "p1/t1.nii.gz: expected finite values, found 3 that are NaN or infinite"}


def run(folder: Path, left_out: list, fails: bool = False) -> None:
    def process(engine: Engine, batch: int) -> None:
        if fails:
            raise RuntimeError("out of memory")

    engine = Engine(process)
    LeftOutList(SimpleNamespace(left_out=left_out), folder).attach(engine)
    engine.run([0])


def test_list_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run(tmp_path / "new", [ENTRY])
    assert json.loads((tmp_path / "new" / "left_out.json").read_text(encoding="utf-8")) == [ENTRY]
    assert ENTRY["reason"] in capsys.readouterr().out


def test_no_file_without_anything_left_out(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run(tmp_path, [ENTRY])
    run(tmp_path, [])
    assert not list(tmp_path.iterdir()) and capsys.readouterr().out.count("left out") == 1
    run(tmp_path / "new", [])
    assert not (tmp_path / "new").exists()


def test_list_of_a_run_that_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        run(tmp_path, [ENTRY], fails=True)
    assert json.loads((tmp_path / "left_out.json").read_text(encoding="utf-8")) == [ENTRY]
