# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The bundle as its users meet it: trained, evaluated, loaded, exported, and applied to an image."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from .tiny_data import ODD_AFFINE, TINY_TRAINING, write_case
from .workflow import copy_bundle, export, load_network, merged, run, workflow

TINY = {**TINY_TRAINING, "inferer#scheme#steps": 2, "inferer#scheme#substeps": 1}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, phantom) -> Path:
    """A copy of the bundle; the segmenter and the networks are trained in it for one tiny epoch, from inside it."""
    folder = copy_bundle("difftranslation", tmp_path_factory.mktemp("bundle"))
    data = {"dataset_dir": str(phantom), "segmenter#filters": [8, 8, 8, 8]}
    config = "['configs/train.json','configs/segmenter.json']"
    run("training", "--config_file", config, cwd=folder, overrides={**TINY_TRAINING, **data})
    run("training", "--config_file", "configs/train.json", cwd=folder, overrides={**TINY, **data})
    return folder


def test_training_leaves_everything(trained) -> None:
    report = json.loads((trained / "eval" / "metrics.json").read_text(encoding="utf-8"))
    all_cases = report["parts"]["all"]["methods"]
    assert set(all_cases) == {"difftranslation", "input untouched", "true counterfactual"}
    assert "size_error" in all_cases["difftranslation"]  # the segmenter was found
    assert {"trained/model.pt", "trained/segmenter.pt", "trained/training_state.pt", "eval/examples.png"} <= {
        p.relative_to(trained).as_posix() for p in trained.rglob("*") if p.is_file()
    }
    assert list((trained / "eval" / "tensorboard").glob("events*"))
    state = torch.load(trained / "trained" / "model.pt", weights_only=True)
    assert all(torch.isfinite(v).all() for v in state.values())


def test_sizes_in_a_folder_of_their_own(trained, phantom) -> None:
    overrides = {**TINY, "dataset_dir": str(phantom), "segmenter#filters": [8, 8, 8, 8], "sizes": [0.0, 0.3]}
    before = (trained / "eval" / "metrics.json").read_bytes()
    config = "['configs/train.json','configs/sizes.json','configs/regressor.json']"
    run("--config_file", config, cwd=trained, overrides=overrides)
    report = json.loads((trained / "eval" / "sizes" / "regressor" / "metrics.json").read_text(encoding="utf-8"))
    assert {round(case["wanted"], 3) for case in report["cases"]} == {0, 0.3}
    assert (trained / "eval" / "metrics.json").read_bytes() == before


def test_each_of_two_attributes_is_steered_alone_and_with_the_other(trained, phantom) -> None:
    """An intensity that is not steered was to stay; a size is asked for in every variant."""
    found = {}
    for steered in (["size"], ["intensity"], ["size", "intensity"]):
        name = "_".join(steered)
        overrides = {**TINY, "dataset_dir": str(phantom), "segmenter#filters": [8, 8, 8, 8], "sizes": [0.3]}
        overrides |= {"bundle_root": str(trained), "steered": steered, "shift": 0.4, "test_step": 8}
        workflow(trained, "train", "train", "two_attributes", **overrides).run()
        report = json.loads((trained / "eval" / "two_attributes" / name / "metrics.json").read_text(encoding="utf-8"))
        found[name] = report["parts"]["all"]["methods"]
    untouched = {name: rows["input untouched"]["other_error"]["value"] for name, rows in found.items()}
    assert untouched == pytest.approx({"size": 0, "intensity": 0.4, "size_intensity": 0.4})
    assert all("size_error" in rows[name] for name, rows in found.items())
    change = {name: rows[name]["other_change"]["value"] for name, rows in found.items()}
    assert change["intensity"] > 0.05 and change["size_intensity"] > 0.05 and abs(change["size"]) < 0.05


def test_inference_returns_to_the_scanner(trained, tmp_path) -> None:
    """A volume of another orientation, spacing and size: what was made lies on its own grid."""
    inputs = write_case(tmp_path / "case", (47, 41, 9), ODD_AFFINE)
    options = {"spatial_size": [32, 40], "pixdim": [6.0, 6.0, -1.0], "dataset_dir": str(inputs)}
    out = tmp_path / "out"
    options |= {"displayable_configs#steps": 2, "displayable_configs#substeps": 1, "output_dir": str(out)}
    run("--config_file", "configs/inference.json", cwd=trained, overrides=options)
    (case,) = (path for path in out.iterdir() if path.is_dir())
    for name in ("translation", "difference", "map", "changed"):
        written = nib.load(case / f"{name}.nii.gz")
        assert written.shape[:3] == (47, 41, 9)
        np.testing.assert_allclose(written.affine, ODD_AFFINE, atol=1e-4)
    scores = json.loads((case / "scores.json").read_text(encoding="utf-8"))
    assert set(scores["measured"]["size"]) == {"before", "after"}


def test_load_gives_the_trained_network(trained) -> None:
    state = torch.load(trained / "trained" / "model.pt", weights_only=True)
    torch.testing.assert_close(dict(load_network(trained).state_dict()), state)


def test_traced_export(trained, tmp_path) -> None:
    traced = export(trained, tmp_path / "model.ts", [1, 4, 56, 64])
    assert traced(torch.rand(1, 4, 56, 64)).shape == (1, 1, 56, 64)


def test_inference_translates_as_the_evaluation() -> None:
    train, inference = merged("difftranslation", "train"), merged("difftranslation", "inference")
    one, other = (parser.get_parsed_content("inferer") for parser in (train, inference))
    assert {k: v for k, v in vars(one.scheme).items() if k != "schedule"} == {
        k: v for k, v in vars(other.scheme).items() if k != "schedule"
    }
    for name in ("scale", "margin", "reduction", "background", "task"):
        assert getattr(one.guides[0]["size"], name) == getattr(other.guides[0]["size"], name), name
