# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""CheXpert from its folder to a map: datalist, training, evaluation and inference, all tiny, on made-up images."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from monai_anomaly.apps.datalist import datalist
from monai_anomaly.apps.zoo.tiny_networks import TINY_NETWORK

from .workflow import infer, train

PATIENTS, WIDTH, HEIGHT = 24, 48, 40
NETWORK = {"spatial_size": [32, 32], **TINY_NETWORK}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like CheXpert's, with pale lower halves in the diseased, listed by the command."""
    root: Path = tmp_path_factory.mktemp("data") / "CheXpert-v1.0-small"
    rng = np.random.default_rng(0)
    lines = ["Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Pleural Effusion"]
    for number in range(PATIENTS):
        diseased = number % 2
        pixels = 40 + 60 * rng.random((HEIGHT, WIDTH))
        pixels[HEIGHT // 2 :] += 100 * diseased
        path = f"{root.name}/train/patient{number:05d}/study1/view1_frontal.jpg"
        (root.parent / path).parent.mkdir(parents=True)
        Image.fromarray(pixels.astype(np.uint8)).save(root.parent / path)
        lines.append(f"{path},Male,60,Frontal,PA," + (",1.0" if diseased else "1.0,"))
    (root / "train.csv").write_text("\n".join(lines))
    datalist("chexpert", str(root), str(root / "datalist.json"), split=(0.6, 0.2, 0.2))
    return root


@pytest.fixture(scope="module")
def trained(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("trained")
    options = {"inferer#scheme#steps": 2, "epochs": 1, "batch_size": 4, "autocast": "float32", "inferer#divisor": 8}
    options.update(NETWORK, cache_dir=str(folder / "cache"))
    train("diffanomaly", folder, "chexpert", dataset_dir=str(release), **options)
    return folder


def test_training_and_evaluation(trained: Path) -> None:
    assert (trained / "models" / "model.pt").exists() and (trained / "eval" / "panel.png").exists()
    report = json.loads((trained / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert "diffanomaly" in report["parts"]["all"]["methods"] and report["provenance"]["config"] == "chexpert"
    assert not (trained / "models" / "threshold.json").exists()  # nothing to choose one by: there are no masks


def test_inference_gives_a_map_of_the_x_rays_size(release: Path, trained: Path, tmp_path: Path) -> None:
    options = {**NETWORK, "displayable_configs#steps": 2, "inferer#divisor": 8, "ckpt_dir": str(trained / "models")}
    image = next(release.rglob("*.jpg"))
    infer("diffanomaly", tmp_path, "inference_chexpert", dataset_dir=str(image), **options)
    (case,) = (path for path in tmp_path.iterdir() if path.is_dir())
    for name in ("map", "reconstruction", "mask"):
        assert nib.load(case / f"{name}.nii.gz").shape == (WIDTH, HEIGHT)
    scores = json.loads((case / "scores.json").read_text(encoding="utf-8"))
    assert scores["threshold"]["origin"] == "per_image_otsu" and np.isfinite(scores["map_max"])
