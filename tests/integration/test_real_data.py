# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Real images of every kind at hand, listed by the command, through a few iterations of training and inference."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

from monai_anomaly import __main__ as command_line
from monai_anomaly.apps.zoo.tiny_networks import TINY_NETWORK
from monai_anomaly.transforms import LoadModalities

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = REPOSITORY / "bundles" / "diffanomaly" / "configs"
Shared = Callable[[str], Path]

NETWORK = {
    **TINY_NETWORK,
    "device": "$torch.device('cpu')",
}
TRAINING = {
    "epochs": 1,
    "autocast": "float32",
    "min_lesion_pixels": 1,
    "inferer#scheme#steps": 2,
    "inferer#scheme#substeps": 1,
    "inferer#divisor": 8,
}
INFERENCE = {"displayable_configs#steps": 2, "displayable_configs#substeps": 1, "inferer#divisor": 8}
BRAIN = {"spatial_size": [32, 40], "pixdim": [6.0, 6.0, -1.0]}


def make_datalist(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> dict[str, Any]:
    """What ``python -m monai_anomaly datalist KIND ROOT OUT ...`` writes."""
    monkeypatch.setattr(sys, "argv", ["monai_anomaly", "datalist", *map(str, words)])
    command_line.main()
    made: dict[str, Any] = json.loads(Path(words[2]).read_text(encoding="utf-8"))
    assert not made["left_out"] and made["training"] and made["test"]
    return made


def train(files: list[Path | str], folder: Path, **overrides: Any) -> None:
    """``python -m monai.bundle run training`` with the datalist in ``folder``, into ``folder/model``."""
    model = folder / "model"
    options = {**NETWORK, **TRAINING, "dataset_dir": folder, "ckpt_dir": model, "output_dir": model / "eval"}
    words = [w for key, value in {**options, **overrides}.items() for w in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", str(config_files(files))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = json.loads((model / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert "diffanomaly" in report["parts"]["all"]["methods"] and (model / "eval" / "panel.png").exists()
    state = torch.load(model / "training_state.pt", weights_only=True)
    assert state["objects"]["lr_scheduler"]["last_epoch"] >= 2  # iterations
    weights = torch.load(model / "model.pt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in weights.values())


def infer(files: list[Path | str], folder: Path, dataset_dir: Path, **overrides: Any) -> dict[str, Path]:
    """Run the inference with the model of ``folder``; the folder of each case by its name."""
    output = folder / "out"
    options = {**NETWORK, **INFERENCE, "dataset_dir": str(dataset_dir), "ckpt_dir": str(folder / "model")}
    workflow = ConfigWorkflow(
        config_file=config_files(files),
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=str(CONFIGS / "logging.conf"),
        workflow_type="infer",
        **{**options, "output_dir": str(output), **overrides},
    )
    workflow.initialize()
    workflow.run()
    assert not (output / "left_out.json").exists()
    return {case.name: case for case in output.iterdir() if case.is_dir()}


def config_files(files: list[Path | str]) -> list[str]:
    return [str(file if isinstance(file, Path) else CONFIGS / f"{file}.json") for file in files]


def check(case: Path, source: Path) -> None:
    """The results of a case lie on the grid of its file and hold numbers that can be."""
    if source.name.endswith(".nii.gz"):
        image = nib.load(source)
        shape, affine = image.shape, image.affine
    else:  # a picture: (x, y), and the affine that it is loaded with
        loaded = LoadModalities()(source)
        shape, affine = tuple(loaded.shape[1:]), np.eye(4)
        affine[np.ix_([0, 1], [0, 1])] = np.asarray(loaded.affine)[:2, :2]
    for name in ("map", "reconstruction", "mask"):
        written = nib.load(case / f"{name}.nii.gz")
        assert written.shape[: len(shape)] == shape, name
        np.testing.assert_allclose(written.affine, affine, atol=1e-4)
        assert np.isfinite(written.get_fdata()).all(), name
    score = nib.load(case / "map.nii.gz").get_fdata()
    assert score.min() >= 0 and score.max() > 0
    assert set(np.unique(nib.load(case / "mask.nii.gz").get_fdata())) <= {0, 1}
    scores = json.loads((case / "scores.json").read_text(encoding="utf-8"))
    assert np.isfinite([scores["map_max"], scores["threshold"]["value"]]).all()
    assert (case / "figure.png").exists()


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)


def test_slices_of_the_published_code(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are scaled to [0, 1] already. One patient is in training, so a slice of the same is the validation here, and
    all slices are diseased, so the report has no mean healthy image to compare with."""
    root, listed = shared("realdata/brats_slices"), tmp_path / "datalist.json"
    made = make_datalist(monkeypatch, "brats-slices", root, listed)
    assert not made["validation"]
    listed.write_text(json.dumps({**made, "validation": made["training"][3:]}))
    overlay = tmp_path / "presliced.json"
    overlay.write_text(json.dumps({"intensity": {"_target_": "Identityd", "keys": ["image"]}}))
    options = {**BRAIN, "intensity_range": [0.0, 1.0]}
    no_mean = tmp_path / "no_mean.json"
    no_mean.write_text(json.dumps({"evaluate#report#training": None}))
    train(["train", overlay, no_mean], tmp_path, **options, batch_size=2, required_classes=[1])
    cases = infer(["inference", overlay], tmp_path, listed, **options)
    (sample,) = made["test"]
    check(cases["006_81"], Path(sample["image"][0]))


def test_volumes(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A glioma (LPS) and two patients with multiple sclerosis (LAS, qform only), one in each section."""
    folders = {"FG-6692_sri24": shared("realdata/tcga_lgg/FG-6692/sri24")}
    folders.update({p: shared(f"realdata/open_ms/cross_mni/{p}") for p in ("p07", "p19")})
    for name, folder in folders.items():
        for file in folder.glob("*.nii.gz"):
            link(file, tmp_path / "cases" / name / file.name)
    made = make_datalist(monkeypatch, "brats", tmp_path / "cases", tmp_path / "datalist.json", "--split", "[1,1,1]")
    assert sorted(s["subject"] for part in ("training", "validation", "test") for s in made[part]) == sorted(folders)
    steps = {"batch_size": 8, "validation_step": 10, "test_step": 10}
    train(["train"], tmp_path, **BRAIN, **steps, slice_range=[70, 130])
    cases = infer(
        ["inference"], tmp_path, tmp_path / "cases", **BRAIN, **{"displayable_configs#slice_range": [90, 100]}
    )
    assert set(cases) == set(folders)
    for name, case in cases.items():
        check(case, folders[name] / "t1.nii.gz")


def test_x_rays_in_folders(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of 64 x 64 pixels; the inference is on X-rays of the full size, which are resized."""
    for name, kind in (("healthy", "no_finding"), ("diseased", "effusion")):
        for file in sorted(shared(f"realdata/nih_cxr64/{kind}").glob("*.png"))[::12]:
            link(file, tmp_path / name / file.name)
    words = ("--subject", r"/(\d+)_", "--modality", "xray", "--split", "[2,1,1]")
    make_datalist(monkeypatch, "folders", tmp_path, tmp_path / "datalist.json", *words)
    options = {"spatial_size": [32, 32]}
    train(["train", "published", "thesis", "chexpert"], tmp_path, **options, batch_size=4, **{"inferer#batch_size": 16})
    full = shared("realdata/nih_cxr_full")
    cases = infer(["inference", "published", "inference_thesis", "inference_chexpert"], tmp_path, full, **options)
    assert len(cases) == 2
    for name, case in cases.items():
        check(case, full / f"{name}.png")


def test_x_rays_in_a_table(shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = shared("realdata/nih_cxr64/labels.csv")
    with open(table, newline="") as f:
        lines = list(csv.reader(f))
    with open(tmp_path / "labels.csv", "w", newline="") as f:
        csv.writer(f).writerows([lines[0], *lines[1::16]])
    words = ("--label", "effusion", "--subject", "patient_id", "--view", "view", "--split", "[2,1,1]")
    words = (*words, "--image_root", str(table.parent.parent))
    made = make_datalist(monkeypatch, "table", tmp_path / "labels.csv", tmp_path / "datalist.json", *words)
    train(["train", "cxr64"], tmp_path, batch_size=8)
    image = Path(made["test"][0]["image"])
    cases = infer(["inference", "inference_cxr64"], tmp_path, image)
    assert list(cases) == [image.stem]
    check(cases[image.stem], image)
