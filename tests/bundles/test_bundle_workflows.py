# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Each bundle's default configurations: as workflows of MONAI, against each other, and trained where users train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .tiny_data import TINY_ELLIPSES, TINY_SITES, TINY_TRAINING
from .workflow import REPOSITORY, merged, run, workflow

NETWORK = "network_def schedule channel_names spatial_size num_classes null_label num_regions encoding prediction"
SHARED = (*NETWORK.split(), "mask_range", "learned_variance", "axcodes", "pixdim", "intensity_range")
"""What training and inference must agree on; a bundle need not have all."""
TINY = {
    "descargan": TINY_ELLIPSES,
    "diffanomaly": TINY_TRAINING,
    "diffseg": TINY_TRAINING,
    "difftranslation": TINY_TRAINING,
    "l2i_classification": TINY_SITES,
}


@pytest.mark.parametrize(("kind", "config"), [("train", "train"), ("infer", "inference")])
def test_properties(bundle: Path, kind: str, config: str, tiny_data: Path, tmp_path: Path) -> None:
    data = {**TINY[bundle.name], "dataset_dir": str(tiny_data)}
    options = data if kind == "train" else {"dataset_dir": str(tiny_data / "datalist.json")}
    made = workflow(bundle, kind, config, **options, ckpt_dir=str(tmp_path), output_dir=str(tmp_path))
    assert not made.check_properties()


def test_one_network_serves_training_and_inference(bundle: Path) -> None:
    train, inference = merged(bundle, "train"), merged(bundle, "inference")
    for name in SHARED:
        assert train.get(name) == inference.get(name), name


def train_in_the_root(bundle: Path, names: list[str], data: Path, folder: Path, **options: Any) -> None:
    folders = {"dataset_dir": data, "ckpt_dir": folder / "models", "output_dir": folder / "eval"}
    options["overrides"] = {**TINY[bundle.name], **folders, **options.get("overrides", {})}
    files = [f"bundles/{bundle.name}/configs/{name}.json" for name in names]
    run("training", "--config_file", str(files), cwd=REPOSITORY, **options)
    assert (folder / "models" / "model.pt").exists()


def test_training_from_the_repository_root(bundle: Path, tiny_data: Path, tmp_path: Path) -> None:
    train_in_the_root(bundle, ["train"], tiny_data, tmp_path, overrides={"run": "['$@train#trainer.run()']"})


def test_two_processes(bundle: Path, tiny_data: Path, tmp_path: Path) -> None:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m")
    curve = {"curve_interval": 1} if bundle.name == "descargan" else {}  # of all images, in both processes
    names = ["train", *(["curve"] if curve else []), "multi_gpu_train"]
    train_in_the_root(bundle, names, tiny_data, tmp_path, launcher=launcher, overrides=curve)
    if curve:
        found = json.loads((tmp_path / "eval" / "curve.json").read_text(encoding="utf-8"))
        tested = json.loads((tiny_data / "datalist.json").read_text(encoding="utf-8"))["test"]
        assert found["images"] == len(tested) and len(found["rows"]) == 2
