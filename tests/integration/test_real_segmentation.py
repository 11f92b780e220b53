# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Real BraTS slices through the check that a network can learn a few images by heart, and back to their own grid."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from monai_anomaly.apps.datalist import datalist

from ..bundles.workflow import infer, train

SIZE = {"spatial_size": [64, 64], "pixdim": [4.0, 4.0, -1.0], "network_def#diffusion#network#filters": [16, 32, 48, 64]}


def test_slices_are_learned_and_segmented_on_their_own_grid(shared: Callable[[str], Path], tmp_path: Path) -> None:
    root = shared("realdata/brats_slices")
    data = tmp_path / "data" / "datalist.json"
    datalist("brats-slices", root, data, split=(1, 0, 0))
    options = {"epochs": 4, "autocast": "float32", "inferer#num_samples": 3}
    train("diffseg", tmp_path, "overfit", dataset_dir=str(data.parent), **SIZE, **options)
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    region = report["parts"]["lesion"]
    assert report["provenance"]["config"] == "overfit" and region["counts"]["with_lesion"] == 4
    # by heart, in 200 steps of a small network; the full check is in docs/results-diffseg.md
    assert region["methods"]["diffseg of 3"]["dice"]["value"] > 0.6

    folder = {"ckpt_dir": str(tmp_path / "models"), "section": "training", "dataset_dir": str(data)}
    infer("diffseg", tmp_path / "out", **SIZE, **folder, **{"displayable_configs#num_samples": 3})
    sample = json.loads(data.read_text(encoding="utf-8"))["training"][0]
    truth = nib.load(data.parent / sample["mask"])
    written = nib.load(next((tmp_path / "out").rglob("mask.nii.gz")))
    assert written.shape[:2] == truth.shape[:2]
    np.testing.assert_allclose(written.affine, truth.affine, atol=1e-4)
    assert set(np.unique(written.get_fdata())) == {0, 1}
