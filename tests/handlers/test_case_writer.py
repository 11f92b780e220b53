# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.handlers import CaseWriter
from monai_anomaly.utils import OutputError

from .completed_iteration import complete


class Count(CaseWriter):
    """Scores a case by a number."""

    def write_images(self, folder: Path, result: Any) -> None:
        folder.mkdir(parents=True)

    def scores(self, result: Any) -> dict[str, Any]:
        return {"number": result["number"]}

    def write_figure(self, folder: Path, result: Any, found: Any) -> None:
        (folder / "figure.png").write_text(str(found))

    def summary(self, found: Any) -> str:
        return f"number {found['number']}"


def test_every_case_has_a_folder_and_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch: list[dict[str, Any]] = [{"id": 7}, {"id": "b", "preprocessing_report": "[]"}]
    complete(Count(tmp_path, settings={"steps": 20}, name_key="id"), batch, [{"number": 1}, {"number": 2}])
    assert capsys.readouterr().out.splitlines() == [f"{tmp_path / '7'}: number 1", f"{tmp_path / 'b'}: number 2"]
    scores = json.loads((tmp_path / "7" / "scores.json").read_text(encoding="utf-8"))
    assert list(scores) == ["case", "number", "settings", "provenance"]
    assert scores["case"] == "7" and scores["settings"] == {"steps": 20}
    files = [sorted(p.name for p in (tmp_path / case).iterdir()) for case in ("7", "b")]
    assert files == [["figure.png", "scores.json"], ["figure.png", "preprocessing.json", "scores.json"]]


def test_a_folder_that_cannot_be_written_is_known_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    written: list[Any] = []

    class Late(Count):
        def write_images(self, folder: Path, result: Any) -> None:
            written.append(result)

    with pytest.raises(OutputError, match=r"file/out: could not be written: Not a directory"):
        complete(Late(tmp_path / "file" / "out"), [{"subject": "p"}], [{"number": 1}])
    assert not written


def test_suspicious_intensities_are_in_the_scores(tmp_path: Path) -> None:
    image = MetaTensor(torch.zeros(1, 2, 2), meta={"scaling_warning": "a.nii: 35% ..."})
    for case, result in (("a", {"number": 1, "image": image}), ("b", {"number": 1, "image": torch.zeros(1, 2, 2)})):
        Count(tmp_path, name_key="id").save(tmp_path / case, {"id": case}, result)
    found = [json.loads((tmp_path / case / "scores.json").read_text(encoding="utf-8")).get("warnings") for case in "ab"]
    assert found == [["a.nii: 35% ..."], None]
