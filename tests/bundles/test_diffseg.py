# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The bundle as its users meet it: trained, evaluated, loaded, exported, and applied to an image."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anomaly.evaluation import Segmentation, load_cases
from monai_anomaly.metrics import ExpectedDiceThreshold, above
from monai_anomaly.visualize.style import PREDICTED
from tests.visualize.pictures import cells, has_color

from .tiny_data import ODD_AFFINE, TINY_TRAINING, write_case
from .workflow import copy_bundle, export, infer, load_network, run

TINY = {**TINY_TRAINING, "inferer#steps": 2, "inferer#num_samples": 3}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, phantom: Path) -> Path:
    """A copy of the bundle, trained in it for one tiny epoch from inside its folder."""
    folder = copy_bundle("diffseg", tmp_path_factory.mktemp("bundle"))
    run("training", "--config_file", "configs/train.json", cwd=folder, overrides={**TINY, "dataset_dir": str(phantom)})
    return folder


def test_training_leaves_everything(trained: Path) -> None:
    files = {path.relative_to(trained).as_posix() for path in trained.rglob("*") if path.is_file()}
    report = [f"eval/metrics.{suffix}" for suffix in ("json", "csv", "md")]
    weights = {f"trained/{name}" for name in ("model.pt", "threshold.json", "training_state.pt")}
    assert {*weights, "eval/examples.png", "eval/curves.png", *report} <= files
    assert list((trained / "eval" / "tensorboard").glob("events*"))
    state = torch.load(trained / "trained" / "model.pt", weights_only=True)
    assert all(torch.isfinite(v).all() for v in state.values())


def test_report_has_one_sample_and_the_threshold_beside_the_ensemble(trained: Path) -> None:
    report = json.loads((trained / "eval" / "metrics.json").read_text(encoding="utf-8"))
    region = report["parts"]["lesion"]
    assert list(region["methods"]) == ["diffseg of 3", "1 sample", "threshold"]
    assert report["provenance"]["config"] == "default" and report["settings"]["spacing"] == 6
    assert [point["samples"] for point in region["methods"]["diffseg of 3"]["dice"]["by_samples"]] == [1, 2, 3]
    rows = list(csv.DictReader((trained / "eval" / "metrics.csv").read_text(encoding="utf-8").splitlines()))
    cases = load_cases(trained / "eval" / "cases.npz", Segmentation.schema)
    assert len(rows) == report["counts"]["test"]["cases"] == len(cases) > 0
    assert not cases.has("samples") and cases["mask"].shape[1:] == (1, 32, 40)  # soft samples are large


def test_finished_training_is_not_repeated(trained: Path, phantom: Path) -> None:
    before = (trained / "trained" / "model.pt").stat().st_mtime_ns
    scores = json.loads((trained / "eval" / "metrics.json").read_text(encoding="utf-8"))["parts"]
    config = "['configs/train.json','configs/evaluate.json']"
    run("--config_file", config, cwd=trained, overrides={**TINY, "dataset_dir": str(phantom)})
    assert (trained / "trained" / "model.pt").stat().st_mtime_ns == before
    assert json.loads((trained / "eval" / "metrics.json").read_text(encoding="utf-8"))["parts"] == scores


def test_inference_returns_to_the_scanner(trained: Path, tmp_path: Path) -> None:
    """A volume of another orientation, spacing and size: maps and masks lie on its own grid."""
    case = write_case(tmp_path / "case", (47, 41, 9), ODD_AFFINE)
    tiny = {"spatial_size": [32, 40], "pixdim": [6.0, 6.0, -1.0]}
    options = {f"displayable_configs#{k}": v for k, v in {"num_samples": 3, "steps": 2, "keep_samples": True}.items()}
    folders = {"dataset_dir": str(case), "ckpt_dir": str(trained / "trained")}
    infer(trained, tmp_path / "out", **tiny, **options, **folders)
    out = tmp_path / "out" / "case"
    for name in ("mean", "variance", "entropy", "mask", "samples"):
        written = nib.load(out / f"{name}.nii.gz")
        assert written.shape == ((47, 41, 9, 3) if name == "samples" else (47, 41, 9))
        assert written.get_data_dtype() == (np.uint8 if name in ("mask", "samples") else np.float32)
        np.testing.assert_allclose(written.affine, ODD_AFFINE, atol=1e-4)
    scores = json.loads((out / "scores.json").read_text(encoding="utf-8"))
    chosen = json.loads((trained / "trained" / "threshold.json").read_text(encoding="utf-8"))
    assert scores["threshold"] == {"rule": "expected_dice", "value": chosen["value"], "origin": "given"}
    mean, mask = (nib.load(out / f"{name}.nii.gz").get_fdata() for name in ("mean", "mask"))
    rule = ExpectedDiceThreshold(chosen["value"])
    slices = nib.orientations.io_orientation(ODD_AFFINE)[:, 0].tolist().index(2)  # as the network saw them
    stack = np.moveaxis(mean.astype(np.float32), slices, 0)
    np.testing.assert_array_equal(np.moveaxis(mask, slices, 0), above(stack, rule))
    assert len(scores["regions"]["lesion"]["samples"]["mm3"]) == 3
    shown = cells(out / "figure.png", 4, 4)
    outlined = any(has_color(row[3], PREDICTED).any() for row in shown)
    assert outlined == (mask.any() and not mask.all())  # a mask of everything has no outline


def test_load_gives_the_trained_network(trained: Path) -> None:
    state = torch.load(trained / "trained" / "model.pt", weights_only=True)
    torch.testing.assert_close(dict(load_network(trained).state_dict()), state)


def test_traced_export(trained: Path, tmp_path: Path) -> None:
    traced = export(trained, tmp_path / "model.ts", [1, 4, 56, 64])
    mask = traced(torch.rand(1, 4, 56, 64))
    assert mask.shape == (1, 1, 56, 64) and 0 <= mask.min() <= mask.max() <= 1
