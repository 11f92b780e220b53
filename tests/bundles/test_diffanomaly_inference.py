# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The inference configuration on made-up volumes, with an untrained network."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

from monai_anomaly.apps.zoo.tiny_networks import TINY_NETWORK, TINY_SAMPLING
from monai_anomaly.data.phantom import make_subject

from .tiny_data import MODALITIES, NATIVE, write_case
from .workflow import infer

OPTIONS = {"load_pretrain": False, **TINY_SAMPLING["diffanomaly"], "displayable_configs#threshold": "otsu"}
TINY = {**OPTIONS, **NATIVE}
SHIFTED = np.array([[1.0, 0, 0, 2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""The grid without its first two planes."""


def test_raw_scans_are_preprocessed_and_results_come_back_to_the_reference(tmp_path: Path) -> None:
    person = make_subject(3, "A", "tumour", spacing=4.0)
    turn = np.array([[0, -1, 0, 30], [0.98, 0, 0.17, -20], [-0.17, 0, 0.98, 10], [0, 0, 0, 1]])
    (tmp_path / "p").mkdir()
    for i, name in enumerate(MODALITIES):
        # the last contrast has a grid of its own
        values, affine = (person.image[i], person.affine) if i < 3 else (person.image[i][2:], person.affine @ SHIFTED)
        nib.save(nib.Nifti1Image(values, turn @ affine), tmp_path / "p" / f"{name}.nii.gz")
    raw = {"spacing": 6.0, "spatial_size": [28, 34, 28], "steps": ["register", "strip"]}
    options = {f"preprocessing#transforms#0#{k}": v for k, v in raw.items()}
    size = {"spatial_size": [32, 40]}
    infer("diffanomaly", tmp_path / "out", dataset_dir=str(tmp_path / "p"), raw=True, **{**TINY, **options, **size})
    reference = nib.load(tmp_path / "p" / "t1.nii.gz")
    for name in ("map", "reconstruction", "mask"):
        written = nib.load(tmp_path / "out" / "p" / f"{name}.nii.gz")
        assert written.shape[:3] == reference.shape
        np.testing.assert_allclose(written.affine, reference.affine, atol=1e-4)
    report = json.loads((tmp_path / "out" / "p" / "preprocessing.json").read_text(encoding="utf-8"))
    assert report["registration"]["overlap"] > 0.85 and set(report["session"]) == {"flair"}
    score = nib.load(tmp_path / "out" / "p" / "map.nii.gz").get_fdata()
    assert score.any() and (score[person.mask > 0] > 0).mean() > 0.8 > 0.1 > (score[person.mask == 0] > 0).mean()


def test_overlay_of_the_thesis_translates_its_slices(tmp_path: Path) -> None:
    case, output = write_case(tmp_path / "p", (16, 16, 6)), tmp_path / "out"
    overrides = {**TINY, **TINY_NETWORK, "inferer#divisor": 8, "displayable_configs#slice_range": [2, 4]}
    infer("diffanomaly", output, "inference_thesis", dataset_dir=str(case), **overrides)
    healthy = nib.load(output / "p" / "reconstruction.nii.gz").get_fdata()
    outside = healthy[:, :, [0, 1, 4, 5]]  # the input itself: shares of [0, 1]
    assert outside.min() == 0 and outside.max() == 1
    assert json.loads((output / "p" / "scores.json").read_text(encoding="utf-8"))["settings"]["order"] == 1


def test_overlay_of_the_x_rays_reads_pictures(tmp_path: Path) -> None:
    for i in range(2):
        pixels = np.random.default_rng(i).integers(0, 255, (64, 64), dtype=np.uint8)
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "in" / f"x{i}.png")
    infer("diffanomaly", tmp_path / "out", "inference_cxr64", dataset_dir=str(tmp_path / "in"), **OPTIONS)
    assert nib.load(tmp_path / "out" / "x1" / "map.nii.gz").shape == (64, 64)
