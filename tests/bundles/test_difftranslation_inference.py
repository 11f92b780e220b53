# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The inference configurations on made-up cases, with networks that were not trained."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import TINY_SAMPLING
from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.handlers.training_settings import object_settings
from monai_anomaly.utils import DataError, write_model_record

from .tiny_data import MODALITIES, NATIVE, write_case
from .workflow import infer, merged, write_random_weights

BUNDLE = "difftranslation"
TINY: dict[str, Any] = {**NATIVE, **TINY_SAMPLING[BUNDLE]}
AFFINE = np.array([[0, -4.0, 0, 60], [-4.0, 0, 0, 70], [0, 0, 5.0, -40], [0, 0, 0, 1]])
"""Axes exchanged and mirrored: what comes back to this grid is not interpolated."""
SIZE = {"_target_": "monai_anomaly.diffusion.ResizeGuidance", "task": "tumor", "target": "@displayable_configs#factor"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    write_random_weights(BUNDLE, path)
    record = {"settings": object_settings("prepare_batch.schedule", NoiseSchedule()), "targets": {"size": [0.0, 0.12]}}
    write_model_record(path, record)
    return path


def apply(weights: Path, output: Path, *names: str, **overrides: Any) -> Any:
    return infer(BUNDLE, output, *names, **{**TINY, "model_file": str(weights), **overrides})


def values(path: Path) -> np.ndarray:
    array: np.ndarray = np.asanyarray(nib.load(path).dataobj)
    return array


def scores(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return found


def write_mask(path: Path, where: Any, shape: tuple[int, ...] = (16, 16, 4), affine: np.ndarray | None = None) -> Path:
    mask = np.zeros(shape, dtype=np.uint8)
    mask[where] = 1
    nib.save(nib.Nifti1Image(mask, np.eye(4) if affine is None else affine), path)
    return path


def reason(call: Callable[[], Any]) -> str:
    """The one line of what went wrong, behind what monai.bundle says."""
    with pytest.raises((DataError, RuntimeError)) as caught:
        call()
    error: BaseException | None = caught.value
    while not isinstance(error, DataError):
        assert error is not None, caught.value
        error = error.__cause__
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.parametrize("shape", [(16, 16, 4), (16, 16)])
def test_a_lesion_grows_in_the_geometry_of_the_input(weights: Path, tmp_path: Path, shape: tuple[int, ...]) -> None:
    case = write_case(tmp_path / "p", shape, affine=AFFINE)
    apply(weights, tmp_path / "out", dataset_dir=str(case))
    folder = tmp_path / "out" / "p"
    channels = {"translation": 4, "difference": 4, "map": 1, "changed": 1, "found_before": 1, "found_after": 1}
    assert {p.name for p in folder.iterdir()} == {
        *(f"{n}.nii.gz" for n in channels),
        "scores.json",
        "figure.png",
        "report.html",
    }
    for name, number in channels.items():
        image = nib.load(folder / f"{name}.nii.gz")
        assert image.shape == (shape if number == 1 else (*(*shape, 1)[:3], number))
        np.testing.assert_allclose(image.affine, nib.load(case / "t1.nii.gz").affine, atol=1e-4)
    translation, difference, change = (values(folder / f"{n}.nii.gz") for n in ("translation", "difference", "map"))
    image = translation - difference  # shares of the range
    assert image.min() == pytest.approx(0, abs=1e-5) and 0.3 < image.max() <= 1 + 1e-5
    np.testing.assert_allclose(np.abs(difference).sum(-1).reshape(change.shape), change, atol=1e-4)
    np.testing.assert_array_equal(values(folder / "changed.nii.gz"), change > 0.2)
    found = scores(folder)
    assert found["asked"][0]["size"]["factor"] == 1.5 and set(found["measured"]) == {"size", "area"}
    for measured in found["measured"].values():
        numbers = [measured["before"], measured["after"]]
        assert all(len(v) == 4 for v in numbers) if len(shape) == 3 else all(isinstance(v, float) for v in numbers)


def test_an_image_alone_is_enough_for_other_programs(weights: Path, tmp_path: Path) -> None:
    """As MONAI Label does it: transforms, inferer, transforms; no loader, no engine, no handler."""
    case = write_case(tmp_path / "p", affine=AFFINE)
    parser = merged(BUNDLE, "inference")
    parser.update({**TINY, "device": "$torch.device('cpu')"})
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(torch.load(weights, weights_only=True))
    sample = parser.get_parsed_content("preprocessing")({"image": [str(case / f"{m}.nii.gz") for m in MODALITIES]})
    found = parser.get_parsed_content("inferer")(sample["image"][None], network.eval())
    sample["pred"] = {name: field[0] for name, field in found.items()}
    mask = parser.get_parsed_content("postprocessing")(sample)["pred"]
    assert mask.shape == (1, 16, 16, 4) and mask.dtype == torch.uint8 and 0 < mask.float().mean() < 1
    np.testing.assert_allclose(mask.affine, AFFINE, atol=1e-4)


def test_several_targets_share_an_encoding(weights: Path, tmp_path: Path) -> None:
    guides = [{"size": {**SIZE, "target": target, "margin": None}} for target in (0.0, 0.2)]
    case = write_case(tmp_path / "p")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        apply(weights, tmp_path / "out", dataset_dir=str(case), **{"inferer#guides": guides})
    assert any("asked for 0.2, what comes" in str(warning.message) for warning in told)
    folder = tmp_path / "out" / "p"
    made = [values(folder / f"translation{end}.nii.gz") for end in ("", "_1")]
    assert np.abs(made[0] - made[1]).max() > 1e-3
    found = scores(folder)
    assert [a["size"]["target"] for a in found["asked"]] == [0.0, 0.2] and "after_1" in found["measured"]["area"]
    apply(weights, tmp_path / "alone", dataset_dir=str(case), **{"inferer#guides": guides[1]})
    np.testing.assert_allclose(values(tmp_path / "alone" / "p" / "translation.nii.gz"), made[1], atol=1e-5)


def test_a_lesion_is_put_where_the_mask_says(weights: Path, tmp_path: Path) -> None:
    """In the slices of the mask; the others are the input itself."""
    case = write_case(tmp_path / "p", affine=AFFINE)
    mask = write_mask(tmp_path / "where.nii.gz", np.s_[5:9, 6:9, 1:3], affine=AFFINE)
    apply(weights, tmp_path / "out", "insert", dataset_dir=str(case), mask_file=str(mask))
    folder = tmp_path / "out" / "p"
    np.testing.assert_array_equal(values(folder / "desired.nii.gz"), values(mask))
    assert values(folder / "difference.nii.gz").any((0, 1, 3)).tolist() == [False, True, True, False]
    found = scores(folder)
    assert found["desired"]["voxels"] == 24 and 0 <= found["desired"]["dice"] <= 1
    assert found["settings"]["mask_file"] == str(mask)


def test_masks_of_a_datalist_and_two_targets_at_once(weights: Path, tmp_path: Path) -> None:
    samples = []
    for i in range(3):
        folder = write_case(tmp_path / f"p{i}")
        samples.append({"image": [str(folder / f"{m}.nii.gz") for m in MODALITIES], "subject": f"p{i}"})
    for i in (0, 1):
        samples[i]["target_mask"] = str(write_mask(tmp_path / f"{i}.nii.gz", np.s_[5:9, 6:9, 1:3] if i == 0 else ()))
    write_mask(tmp_path / "1.nii.gz", np.s_[:0])
    (tmp_path / "list.json").write_text(json.dumps({"modalities": list(MODALITIES), "test": samples}))
    apply(weights, tmp_path / "out", "two", dataset_dir=str(tmp_path / "list.json"))
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"p0", "index.html", "left_out.json"}
    assert set(scores(tmp_path / "out" / "p0")["asked"][0]) == {"size", "tumor"}
    left_out = json.loads((tmp_path / "out" / "left_out.json").read_text(encoding="utf-8"))
    reasons = {entry["case"]: entry["reason"] for entry in left_out}
    assert "1.nii.gz: expected a mask of what is to be put in, found nothing in it" in reasons["p1"]
    assert "under 'target_mask', found none" in reasons["p2"]
    apply(weights, tmp_path / "default", dataset_dir=str(tmp_path / "list.json"))  # it reads no mask
    assert {p.name for p in (tmp_path / "default").iterdir()} == {"p0", "p1", "p2", "index.html"}
    assert not (tmp_path / "default" / "p0" / "desired.nii.gz").exists()


@pytest.mark.parametrize("name", ["remove", "direction"])
def test_overlays_ask_for_what_they_are_called(weights: Path, tmp_path: Path, name: str) -> None:
    apply(weights, tmp_path / "out", name, dataset_dir=str(write_case(tmp_path / "p")))
    asked = scores(tmp_path / "out" / "p")["asked"][0]["size"]
    assert asked["target"] == 0.0 and "factor" not in asked if name == "remove" else asked["direction"] == 1
    assert values(tmp_path / "out" / "p" / "difference.nii.gz").any()


@pytest.mark.parametrize(
    ("where", "affine", "shape", "found"),
    [
        (np.s_[5:9, 6:9, 1:3], np.diag([2.0, 2, 2, 1]), (16, 16, 4), "expected the affine of"),
        (np.s_[5:9, 6:9, 1:3], None, (16, 16, 5), "expected the spatial shape"),
        (np.s_[:0], None, (16, 16, 4), "found nothing in it"),
        (np.s_[:3, :3], None, (16, 16, 4), "found 0%"),
        (np.s_[6:8, 6:8, 1], None, (16, 16, 4), "found 4"),
    ],
)
def test_a_mask_that_cannot_be_used_is_named(
    weights: Path, tmp_path: Path, where: Any, affine: Any, shape: tuple[int, ...], found: str
) -> None:
    mask = write_mask(tmp_path / "where.nii.gz", where, shape, affine)
    case = write_case(tmp_path / "p")
    run = lambda: apply(weights, tmp_path / "out", "insert", dataset_dir=str(case), mask_file=str(mask))  # noqa: E731
    text = reason(run)
    assert text.startswith(str(mask)) and found in text
    assert not list(tmp_path.glob("out/*/*"))


def test_nothing_to_put_in_is_said_at_once(weights: Path, tmp_path: Path) -> None:
    case = str(write_case(tmp_path / "p"))
    assert "found no 'target_mask' of p" in reason(lambda: apply(weights, tmp_path / "out", "two", dataset_dir=case))
    nowhere = {"dataset_dir": case, "mask_file": str(tmp_path / "none.nii")}
    assert "none.nii: expected the mask" in reason(lambda: apply(weights, tmp_path / "out", "insert", **nowhere))


@pytest.mark.parametrize(("target", "found"), [("large", "numbers, found 'large'"), (math.nan, "finite"), (1.5, "1.5")])
def test_a_target_that_is_none_is_an_error(weights: Path, tmp_path: Path, target: Any, found: str) -> None:
    options = {"dataset_dir": str(write_case(tmp_path / "p")), "displayable_configs#target_size": target}
    text = reason(lambda: apply(weights, tmp_path / "out", **options))
    assert "guide 'size'" in text and found in text
    assert not list(tmp_path.glob("out/*/*"))


def test_a_target_outside_of_what_was_trained_is_told_with_the_range(weights: Path, tmp_path: Path) -> None:
    options = {"dataset_dir": str(write_case(tmp_path / "p")), "displayable_configs#target_size": 0.4}
    with pytest.warns(UserWarning, match=r"trained on size from 0 to 0\.12; asked for 0\.4"):
        apply(weights, tmp_path / "out", **options)
    assert (tmp_path / "out" / "p" / "scores.json").is_file()


def test_networks_of_other_noise_or_without_the_task_are_refused(weights: Path, tmp_path: Path) -> None:
    case = str(write_case(tmp_path / "p"))
    other = {"_target_": "monai_anomaly.diffusion.NoiseSchedule", "kind": "cosine"}
    text = reason(lambda: apply(weights, tmp_path / "out", dataset_dir=case, schedule=other))
    assert text.startswith("model.pt: expected weights trained with the configured noise schedule")
    kind = {"kind": {"_target_": "monai_anomaly.diffusion.ClassifierGuidance", "task": "kind"}}
    text = reason(lambda: apply(weights, tmp_path / "out", dataset_dir=case, **{"inferer#guides": kind}))
    assert "guide 'kind': expected a network with the task 'kind', found the tasks size, tumor" in text
    assert not list(tmp_path.glob("out/*/*"))
