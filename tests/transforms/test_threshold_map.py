# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.evaluation.threshold_file import write_threshold
from monai_anomaly.metrics import otsu_threshold
from monai_anomaly.transforms import ThresholdMapd
from monai_anomaly.utils import DataError, read_model_record

SCORE = torch.linspace(0, 1, 24).reshape(1, 4, 6) ** 2


def test_given_number() -> None:
    sample = ThresholdMapd("map", threshold=0.25)({"map": SCORE})
    assert torch.equal(sample["mask"], (SCORE > 0.25).to(torch.uint8))
    assert sample["threshold"] == {"value": 0.25, "origin": "given"}


@pytest.mark.parametrize("threshold", ["otsu", "auto"])
def test_otsu_of_each_image_by_itself(threshold: str) -> None:
    mask = ThresholdMapd("map", threshold=threshold)
    one, two = mask({"map": SCORE}), mask({"map": 10 * SCORE})
    assert one["threshold"] == {"value": otsu_threshold(SCORE), "origin": "per_image_otsu"}
    assert torch.equal(one["mask"], two["mask"]) and 0 < int(one["mask"].sum()) < SCORE.numel()


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_auto_takes_the_threshold_of_the_evaluation(tmp_path: Path) -> None:
    note = {"value": 0.5, "origin": "average_otsu", "more": [1]}
    path = write(tmp_path / "threshold.json", note)
    sample = ThresholdMapd("map", threshold_file=path)({"map": SCORE})
    assert sample["threshold"] == {"value": 0.5, "origin": "average_otsu"}
    assert torch.equal(sample["mask"] > 0, SCORE > 0.5)


def test_a_threshold_of_other_weights_brings_a_warning(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(b"weights")
    write_threshold(tmp_path / "threshold.json", {"value": 0.5, "origin": "validation"}, read_model_record(model))
    mask = ThresholdMapd("map", threshold_file=tmp_path / "threshold.json", model_file=model)
    assert mask({"map": SCORE})["threshold"]["origin"] == "validation"
    model.write_bytes(b"others!")
    with pytest.warns(UserWarning, match=r"threshold\.json: .* other weights than .*model\.pt"):
        assert mask({"map": SCORE})["threshold"] == {"value": 0.5, "origin": "validation of other weights"}


@pytest.mark.parametrize("threshold", ["otsu", 0.1])
def test_only_auto_looks_at_the_file(tmp_path: Path, threshold: float | str) -> None:
    path = write(tmp_path / "threshold.json", "{broken")
    note = ThresholdMapd("map", threshold=threshold, threshold_file=path)({"map": SCORE})["threshold"]
    assert note["origin"] in ("per_image_otsu", "given")


def test_auto_without_a_file_is_otsu_and_a_named_one_must_be_there(tmp_path: Path) -> None:
    assert ThresholdMapd("map")({"map": SCORE})["threshold"]["origin"] == "per_image_otsu"
    mask = ThresholdMapd("map", threshold_file=tmp_path / "threshold.json")
    with pytest.raises(DataError, match=r"threshold\.json: expected a threshold, found no such file"):
        mask({"map": SCORE})
    write(tmp_path / "threshold.json", {"value": 0.5, "origin": "average_otsu"})
    assert mask({"map": SCORE})["threshold"]["origin"] == "average_otsu"


def test_a_threshold_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "t.json", {"value": 0.5, "origin": "average_otsu"})
    assert ThresholdMapd("map", threshold_file="~/t.json")({"map": SCORE})["threshold"]["origin"] == "average_otsu"


@pytest.mark.parametrize(
    "content", ["{broken", "", [0.5], {"value": 0.5}, {"value": "high", "origin": "x"}, {"value": None, "origin": "x"}]
)
def test_broken_file_is_named(tmp_path: Path, content: Any) -> None:
    path = write(tmp_path / "threshold.json", content)
    with pytest.raises(DataError, match=r"threshold\.json: expected JSON with 'value' and 'origin'"):
        ThresholdMapd("map", threshold_file=path)({"map": SCORE})


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("threshold", [0.25, "otsu"])
def test_a_map_that_is_not_finite_is_named_and_not_called_healthy(threshold: float | str, value: float) -> None:
    score = MetaTensor(SCORE.clone(), meta={"filename_or_obj": "/data/a.nii.gz"})
    score[0, 1, 2:4] = value
    with pytest.raises(DataError, match=r"^/data/a\.nii\.gz: expected an anomaly map of finite values, found 2 that"):
        ThresholdMapd("map", threshold=threshold)({"map": score})


@pytest.mark.parametrize("threshold", [float("nan"), float("inf")])
def test_a_threshold_that_is_not_finite_is_refused(threshold: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="threshold must be finite"):
        ThresholdMapd("map", threshold=threshold)
    file = write(tmp_path / "threshold.json", {"value": threshold, "origin": "validation"})
    with pytest.raises(DataError, match=r"threshold\.json: expected JSON with 'value' and 'origin' \(value is"):
        ThresholdMapd("map", threshold_file=file)({"map": SCORE})


def test_a_rule_for_probabilities_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "threshold.json", {"value": 0.2, "origin": "given", "rule": "expected_dice"})
    with pytest.raises(DataError, match=r"threshold\.json: expected a threshold of anomaly maps, found the rule 'exp"):
        ThresholdMapd("map", threshold_file=file)({"map": SCORE})


def test_mask_has_the_maps_geometry_and_the_sample_is_left_alone() -> None:
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0]))
    data = {"map": MetaTensor(SCORE, affine=affine)}
    sample = ThresholdMapd("map", output_key="lesion", threshold=0.1, note_key="note")(data)
    assert sample["lesion"].dtype == torch.uint8 and torch.equal(sample["lesion"].affine, data["map"].affine)
    assert set(data) == {"map"} and set(sample) == {"map", "lesion", "note"}


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'otsu', got 'mean'"):
        ThresholdMapd("map", threshold="mean")
