# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A benchmark of each bundle, tiny."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import (
    TINY_GAN,
    TINY_MASK_DIFFUSION,
    TINY_NETWORK,
    TINY_SEGMENTER,
    TINY_TRANSLATION,
)
from monai_anomaly.benchmarks.benchmark import benchmark
from monai_anomaly.data import write_ellipses, write_phantom
from tests.bundles.workflow import config_files, merged

BRAINS = {
    "spatial_size": [32, 40],
    "pixdim": [6.0, 6.0, -1.0],
    "slice_range": [8, 20],
    "min_lesion_pixels": 1,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def brains(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("data") / "phantom"
    write_phantom(folder, subjects=6, spacing=6.0, healthy_fraction=0.0, split=[0.3, 0.3, 0.4], progress=False)
    return {"dataset_dir": str(folder), **BRAINS}


def run(folder: Path, bundle: str, *overlays: str, overrides: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Rows of the settings of a network that has learned nothing."""
    parser = merged(bundle, "train", *overlays)
    parser.update(overrides)
    torch.manual_seed(0)
    torch.save(parser.get_parsed_content("network_def").state_dict(), folder / "model.pt")
    config = [str(file) for file in config_files(bundle, "train", *overlays, "benchmark")]
    benchmark(str(folder / "model.pt"), folder / "b.json", config, **options, **overrides)
    (rows,) = json.loads((folder / "b.json").read_text(encoding="utf-8"))["rows"].values()
    return rows


def test_diffanomaly(tmp_path: Path, brains: dict[str, Any]) -> None:
    options = {"only": "6+6 exact, order 2", "test_cases": 3, "validation_cases": 3}
    rows = run(tmp_path, "diffanomaly", overrides={**brains, **TINY_NETWORK}, **options)
    assert {name: row["evaluations"] for name, row in rows.items()} == {
        "6+6 exact, order 2": {"diffusion": 13, "classifier": 6},
        "6+6 exact, order 2, split 16": {"diffusion": 13, "classifier": 96},
    }


def test_diffseg(tmp_path: Path, brains: dict[str, Any]) -> None:
    overrides = {**brains, **TINY_MASK_DIFFUSION, "inferer#num_samples": 2}
    rows = run(tmp_path, "diffseg", "regions", overrides=overrides, only=["2 steps, a", "1 step"], test_cases=3)
    assert [row["evaluations"]["diffusion"] for row in rows.values()] == [2 * 2, 2 * 1]
    assert all(list(row["parts"]) == ["WT", "TC", "ET"] for row in rows.values())
    assert "dice (1 sample)" in rows["1 step, ancestral"]["parts"]["TC"]["cases"]


def test_difftranslation(tmp_path: Path) -> None:
    """Pairs of the phantom, judged by the segmenter of the configuration."""
    data = tmp_path / "data"
    write_phantom(data, subjects=6, spacing=6.0, lesions=["tumour"], healthy_fraction=0.0, split=[0.4, 0.2, 0.4],
                  counterfactuals=[1.3], progress=False)  # fmt: skip
    segmenter = merged("difftranslation", "train")
    segmenter.update(TINY_SEGMENTER)
    torch.save(segmenter.get_parsed_content("segmenter").state_dict(), tmp_path / "segmenter.pt")
    overrides = {"dataset_dir": str(data), "segmenter_file": str(tmp_path / "segmenter.pt")}
    overrides |= {**BRAINS, **TINY_TRANSLATION, **TINY_SEGMENTER}
    only = ["6+6 exact, order 2, split 4", "DDIM 12+12"]
    rows = run(tmp_path, "difftranslation", overrides=overrides, only=only, test_cases=4)
    assert {name: row["evaluations"]["diffusion"] for name, row in rows.items()} == {only[0]: 13, only[1]: 24}
    assert all(row["evaluations"]["tumor"] > 0 for row in rows.values())
    scores = rows[only[0]]["parts"]["all"]["scores"]
    assert {"size_error", "mask_dice", "error_lesion", "error_outside", "drift"} <= set(scores)


def test_descargan(tmp_path: Path) -> None:
    write_ellipses(tmp_path / "data", size=32, per_class=[2, 2, 3], seed=0)
    overrides = {"dataset_dir": str(tmp_path / "data"), "spatial_size": [32, 32], "device": "cpu", **TINY_GAN}
    rows = run(tmp_path, "descargan", overrides=overrides)
    assert [row["evaluations"]["generator"] for row in rows.values()] == [8, 2, 1, 8, 8, 8]
    assert all(row["parts"]["all"]["scores"]["difference_mse"] > 0 for row in rows.values())
