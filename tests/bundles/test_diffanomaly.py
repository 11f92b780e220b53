# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The bundle as its users meet it: trained, resumed, evaluated, loaded, exported, and applied to an image."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anomaly.benchmarks.counting import CountCalls
from monai_anomaly.visualize.style import PREDICTED
from tests.visualize.pictures import cells, has_color

from .tiny_data import ODD_AFFINE, TINY_TRAINING, write_case
from .workflow import copy_bundle, export, load_network, merged, run

TINY = {**TINY_TRAINING, "inferer#scheme#steps": 3, "inferer#scheme#substeps": 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, phantom) -> Path:
    """A copy of the bundle, trained in it for one tiny epoch from inside its folder."""
    folder = copy_bundle("diffanomaly", tmp_path_factory.mktemp("bundle"))
    run("training", "--config_file", "configs/train.json", cwd=folder, overrides={**TINY, "dataset_dir": str(phantom)})
    return folder


def test_inference_translates_as_the_evaluation() -> None:
    train, inference = merged("diffanomaly", "train"), merged("diffanomaly", "inference")
    shown = inference["displayable_configs"]
    for name in ("level", "steps", "order", "exact", "substeps"):
        assert train["inferer"]["scheme"][name] == shown[name], name
    assert train["inferer"]["guides"]["classifier"]["scale"] == shown["scale"]


@pytest.mark.parametrize(("overlay", "denoiser", "guide"), [(None, 21, 20), ("long", 42, 40)])
def test_evaluations_per_slice_are_those_the_documentation_names(
    overlay: str | None, denoiser: int, guide: int
) -> None:
    parser = merged("diffanomaly", "train", *([overlay] if overlay else []))
    parser["inferer#refinement"] = None
    network = parser.get_parsed_content("network_def").eval()
    image = torch.rand(1, 4, 16, 16)
    with CountCalls(network.diffusion) as diffusion, CountCalls(network.classifier) as classifier:
        parser.get_parsed_content("inferer")(image, network)
    assert (diffusion.samples, classifier.samples) == (denoiser, guide)


def test_training_leaves_everything(trained) -> None:
    report = json.loads((trained / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert {"diffanomaly", "intensity flair", "distance to mean healthy"} <= set(report["parts"]["all"]["methods"])
    assert {"trained/model.pt", "trained/training_state.pt", "trained/threshold.json", "eval/panel.png"} <= {
        p.relative_to(trained).as_posix() for p in trained.rglob("*") if p.is_file()
    }
    assert list((trained / "eval" / "tensorboard").glob("events*"))
    state = torch.load(trained / "trained" / "model.pt", weights_only=True)
    assert all(torch.isfinite(v).all() for v in state.values())


def test_finished_training_is_not_repeated(trained, phantom) -> None:
    before = (trained / "trained" / "model.pt").stat().st_mtime_ns
    config = "['configs/train.json','configs/evaluate.json']"
    run("--config_file", config, cwd=trained, overrides={**TINY, "dataset_dir": str(phantom)})
    assert (trained / "trained" / "model.pt").stat().st_mtime_ns == before


def test_inference_returns_to_the_scanner(trained, tmp_path) -> None:
    """A volume of another orientation, spacing and size: map and mask lie on its own grid."""
    inputs = write_case(tmp_path / "case", (47, 41, 9), ODD_AFFINE)
    options = {"spatial_size": [32, 40], "pixdim": [6.0, 6.0, -1.0], "dataset_dir": str(inputs)}
    options.update({"displayable_configs#scale": [1.0, 5.0], "displayable_configs#steps": 2})
    out = tmp_path / "out"
    run("--config_file", "configs/inference.json", cwd=trained, overrides={**options, "output_dir": str(out)})
    (case,) = (path for path in out.iterdir() if path.is_dir())
    for name in ("map", "map_1", "reconstruction", "mask"):
        written = nib.load(case / f"{name}.nii.gz")
        assert written.shape[:3] == (47, 41, 9)
        np.testing.assert_allclose(written.affine, ODD_AFFINE, atol=1e-4)
    scores = json.loads((case / "scores.json").read_text(encoding="utf-8"))
    assert scores["threshold"]["origin"] == "validation"
    shown = cells(case / "figure.png", 4, 4)
    outlined = any(has_color(row[3], PREDICTED).any() for row in shown)
    assert outlined == nib.load(case / "mask.nii.gz").get_fdata().any()


def test_load_gives_the_trained_network(trained) -> None:
    state = torch.load(trained / "trained" / "model.pt", weights_only=True)
    torch.testing.assert_close(dict(load_network(trained).state_dict()), state)


def test_traced_export(trained, tmp_path) -> None:
    traced = export(trained, tmp_path / "model.ts", [1, 4, 56, 64])
    assert traced(torch.rand(1, 4, 56, 64)).shape == (1, 1, 56, 64)
