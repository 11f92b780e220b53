# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.diffusion import ResizeGuidance, SegmentationGuidance
from monai_anomaly.handlers import SaveTranslations
from tests.visualize.pictures import cells

from .completed_iteration import complete
from .test_save_cases import AFFINE

GUIDES = [{"size": ResizeGuidance(target=0.1)}, {"tumor": SegmentationGuidance(scale=2.0)}]


def result(*spatial: int, sets: int = 1, desired: bool = False) -> dict[str, Any]:
    g = torch.Generator().manual_seed(0)

    def image(n: int) -> MetaTensor:
        return MetaTensor(torch.rand(n, *spatial, generator=g), affine=AFFINE)

    out: dict[str, Any] = {"image": image(2), "threshold": {"value": 0.9, "origin": "given"}}
    for tail in ["", "_1"][:sets]:
        made = image(2)
        out |= {f"reconstruction{tail}": made, f"difference{tail}": made - out["image"].as_tensor()}
        out |= {f"map{tail}": image(1), f"found_after{tail}": (image(1) > 0.6).float()}
        out |= {f"size_after{tail}": torch.tensor([0.25, torch.nan]) if len(spatial) == 3 else torch.tensor(0.25)}
    out |= {"size_before": torch.tensor([0.125, torch.nan]) if len(spatial) == 3 else torch.tensor(0.125)}
    out |= {"changed": (out["map"] > 0.9).float(), "found_before": (image(1) > 0.8).float()}
    return {**out, "desired": (image(1) > 0.5).float()} if desired else out


def save(folder: Path, found: dict[str, Any], **options: Any) -> dict[str, Any]:
    complete(SaveTranslations(folder, **options), [{"subject": "p"}], [found])
    scores: dict[str, Any] = json.loads((folder / "p" / "scores.json").read_text(encoding="utf-8"))
    return scores


@pytest.mark.parametrize("spatial", [(6, 7, 5), (6, 7)])
@pytest.mark.parametrize("desired", [True, False])
def test_files_have_the_inputs_geometry_and_values(tmp_path: Path, spatial: tuple[int, ...], desired: bool) -> None:
    found = result(*spatial, desired=desired)
    save(tmp_path, found)
    entries = {"reconstruction": "translation", "desired": "desired"} if desired else {"reconstruction": "translation"}
    entries |= {key: key for key in ("difference", "map", "changed", "found_before", "found_after")}
    files = {f"{name}.nii.gz" for name in entries.values()} | {"scores.json", "figure.png", "report.html"}
    assert {p.name for p in (tmp_path / "p").iterdir()} == files
    for entry, name in entries.items():
        image = nib.load(tmp_path / "p" / f"{name}.nii.gz")
        np.testing.assert_allclose(image.affine, AFFINE)
        array, expected = np.asanyarray(image.dataobj), np.moveaxis(found[entry].numpy(), 0, -1)
        assert array.shape == (spatial if expected.shape[-1] == 1 else (*(*spatial, 1)[:3], expected.shape[-1]))
        np.testing.assert_array_equal(array, expected.reshape(array.shape))
    assert len(cells(tmp_path / "p" / "figure.png", 4 if len(spatial) == 3 else 1, 3)[0]) == 3


def test_scores_tell_what_was_asked_for_and_what_was_measured(tmp_path: Path) -> None:
    found = result(6, 7, 5, sets=2, desired=True)
    scores = save(tmp_path, found, settings={"level": 400}, guides=GUIDES)
    size, tumor = scores["asked"][0]["size"], scores["asked"][1]["tumor"]
    assert (size["guide"], size["target"], tumor["guide"], tumor["scale"]) == (
        "ResizeGuidance", 0.1, "SegmentationGuidance", 2.0,
    )  # fmt: skip
    assert scores["measured"] == {"size": {"before": [0.125, None], "after": [0.25, None], "after_1": [0.25, None]}}
    for when in ("before", "after", "after_1"):
        voxels = int(found[f"found_{when}"].sum())
        assert scores["lesion"][when] == {"voxels": voxels, "mm3": pytest.approx(24 * voxels)}
    both = (found["desired"] * found["found_after_1"]).sum()
    dice = 2 * both / (found["desired"].sum() + found["found_after_1"].sum())
    assert scores["desired"]["dice_1"] == pytest.approx(float(dice))
    assert scores["changed"]["voxels"] == int(found["changed"].sum()) and scores["settings"] == {"level": 400}
    assert (tmp_path / "p" / "translation_1.nii.gz").is_file()


def test_a_single_slice_is_one_number_and_a_case_without_a_segmenter_says_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    found = {key: value for key, value in result(6, 7).items() if not key.startswith("found")}
    scores = save(tmp_path, found)
    assert scores["measured"]["size"] == {"before": 0.125, "after": 0.25} and "lesion" not in scores
    assert f"{int(found['changed'].sum())} voxels changed" in capsys.readouterr().out


def test_a_measure_of_several_words_is_told(tmp_path: Path) -> None:
    found = {key.replace("size_", "lesion_volume_"): value for key, value in result(6, 7).items()}
    assert save(tmp_path, found)["measured"] == {"lesion_volume": {"before": 0.125, "after": 0.25}}
