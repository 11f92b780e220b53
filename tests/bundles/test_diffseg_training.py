# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Trainings with other masks and other channels, from the data to the report."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.apps.zoo.tiny_networks import TINY_MASK_DIFFUSION
from monai_anomaly.data import load_datalist

from .tiny_data import MODALITIES, TINY_TRAINING
from .workflow import infer, train

TINY = {**TINY_TRAINING, **TINY_MASK_DIFFUSION, "inferer#steps": 2, "inferer#num_samples": 2}


def test_regions(phantom: Path, slices: str, tmp_path: Path) -> None:
    options = {**TINY, "test_step": 1, "cache_dir": slices}
    train("diffseg", tmp_path, "regions", dataset_dir=str(phantom), **options)
    output = tmp_path / "eval"
    report = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert list(report["parts"]) == ["WT", "TC", "ET"] and report["provenance"]["config"] == "regions"
    counts = [region["counts"]["with_lesion"] for region in report["parts"].values()]
    assert min(counts[:2]) > 0
    assert {"dice_WT", "hd95_TC", "empty_ET"} <= set(report["cases"][0])
    assert {"examples.png", "examples_TC.png", "examples_ET.png"} <= {path.name for path in output.iterdir()}
    size = {key: TINY[key] for key in ("spatial_size", "pixdim", *TINY_MASK_DIFFUSION)}
    options = {"ckpt_dir": str(tmp_path / "models"), "displayable_configs#steps": 2, "section": "validation"}
    infer(
        "diffseg", tmp_path / "out", "inference_regions", dataset_dir=str(phantom / "datalist.json"), **size, **options
    )
    (mask, *_) = (nib.load(path).get_fdata() for path in sorted((tmp_path / "out").rglob("mask.nii.gz")))
    assert set(np.unique(mask)) <= {0, 1, 2, 4}


@pytest.mark.parametrize("names", [["flair"], [*MODALITIES, "dwi", "adc"]], ids=len)
def test_other_channels(names: list[str], phantom: Path, tmp_path: Path) -> None:
    """A datalist and ``channel_names`` are all it takes."""
    sections = {}
    for section in ("training", "validation", "test"):
        samples = load_datalist(phantom / "datalist.json", section)
        for sample in samples:
            files = dict(zip(MODALITIES, sample["image"], strict=True))
            sample["image"] = [files.get(name, files["t2"]) for name in names]  # t2 stands for what there is none of
            del sample["twin"]
        sections[section] = samples
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "datalist.json").write_text(json.dumps({"modalities": names, **sections}))
    options = {"channel_names": names, "dataset_dir": str(tmp_path / "data")}
    train("diffseg", tmp_path, **TINY, **options)
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert report["parts"]["lesion"]["about"]["threshold"]["channel"] in names
