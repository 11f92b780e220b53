# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.handlers import CaseIndex, CaseWriter
from monai_anomaly.handlers.case_writer import size_text, threshold_text
from monai_anomaly.utils import OutputError
from monai_anomaly.visualize.report import ReportLayer

from .completed_iteration import complete


class Count(CaseWriter):
    """Scores a case by a number."""

    def write_images(self, folder: Path, result: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)

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
    assert list(scores) == ["case", "summary", "number", "settings", "provenance"]
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


class Shown(Count):
    """With a page."""

    def layers(self, result: Any) -> list[ReportLayer]:
        return [ReportLayer("input", result["image"][0].numpy())]

    def facts(self, found: Any, result: Any) -> dict[str, str]:
        return {"the number": str(found["number"])}


@pytest.mark.parametrize("page", [True, False])
def test_a_page_shows_what_the_record_says(tmp_path: Path, page: bool) -> None:
    image = MetaTensor(torch.rand(1, 4, 4), meta={"scaling_warning": "a.nii: 35% are white"})
    result = {"image": image, "number": 81}
    weights = {"file": "model.pt", "sha256": "abc123", "new": []}
    Shown(tmp_path, {"level": 400}, page=page).save(tmp_path / "p", {"subject": "p"}, result, weights)
    scores = json.loads((tmp_path / "p" / "scores.json").read_text(encoding="utf-8"))
    assert scores["weights"] == {"file": "model.pt", "sha256": "abc123"} and scores["summary"] == "number 81"
    assert (tmp_path / "p" / "report.html").is_file() == page
    if page:
        shown = (tmp_path / "p" / "report.html").read_text(encoding="utf-8")
        said = (
            "the number",
            "81",
            "a.nii: 35% are white",
            "level",
            "400",
            "abc123",
            "research use only",
            torch.__version__,
        )
        assert [word for word in said if word not in shown] == []


def test_a_slice_has_no_volume() -> None:
    assert size_text(12, 3456.0, torch.zeros(1, 4, 4, 4)) == "3.46 ml, 12 voxels"
    assert size_text(12, 3456.0, torch.zeros(1, 4, 4)) == "12 pixels"


def test_a_threshold_says_where_it_comes_from() -> None:
    assert threshold_text({"value": 0.09153, "origin": "per_image_otsu"}) == "0.0915 (per image otsu)"
    rule = {"value": 0.2, "origin": "default", "rule": "expected_dice"}
    assert threshold_text(rule) == "0.2 by expected dice (default)"


def test_an_earlier_page_does_not_stay_beside_new_scores(tmp_path: Path) -> None:
    for page in (True, False):
        Shown(tmp_path, page=page).save(tmp_path / "p", {"subject": "p"}, {"image": torch.rand(1, 4, 4), "number": 1})
    assert not (tmp_path / "p" / "report.html").exists()


def test_who_made_it_is_said_where_weights_are_for_show(tmp_path: Path) -> None:
    weights = {"file": "model.pt", "sha256": "abc", "note": "demonstration weights, synthetic data", "new": []}
    result = {"image": torch.rand(1, 4, 4), "number": 1}
    Shown(tmp_path).save(tmp_path / "p", {"subject": "p"}, result, weights)
    scores = json.loads((tmp_path / "p" / "scores.json").read_text(encoding="utf-8"))
    assert scores["weights"]["note"] == "demonstration weights, synthetic data"
    page = (tmp_path / "p" / "report.html").read_text(encoding="utf-8")
    assert "<p class='warning'>made by demonstration weights, synthetic data</p>" in page


@pytest.mark.parametrize(
    ("name", "affine", "printed"),
    [("a.nii", np.eye(4), True), ("a.nii", np.eye(4)[[1, 2, 0, 3]], False), ("a.png", np.eye(4), False)],
)
def test_directions_are_printed_where_they_are_known(
    tmp_path: Path, name: str, affine: np.ndarray, printed: bool
) -> None:
    image = MetaTensor(torch.rand(1, 4, 4), affine=affine, meta={"filename_or_obj": name})
    Shown(tmp_path).save(tmp_path / "p", {"subject": "p"}, {"image": image, "number": 1})
    page = (tmp_path / "p" / "report.html").read_text(encoding="utf-8")
    assert ('class="viewer upright"' in page) == printed


def test_the_index_is_written_when_all_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, case in {"left_out": "a", "left_out_2_of_3": "b"}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps([{"case": case, "reason": f"no flair of {case}"}]), "utf-8")
    Shown(tmp_path).save(tmp_path / "a", {"subject": "a"}, {"image": torch.rand(1, 4, 4), "number": 1})
    complete(CaseIndex(tmp_path), [], [])
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert (
        "a/report.html" in index
        and "no flair of b" in index
        and "no flair of a" not in index
        and str(tmp_path / "index.html") in capsys.readouterr().out
    )
