# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint of the published code, converted, evaluated and applied, as docs/how-to describes it."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anomaly.apps.convert_segmentation import convert_segmentation

from ..networks.convert import guided_diffusion_names as names
from .tiny_data import TINY_TRAINING, write_case
from .workflow import infer, merged, train


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a converted checkpoint of a small network of the published kind."""
    folder: Path = tmp_path_factory.mktemp("published")
    network = names.unet(inp=5, out=2, channels=(32, 64), depth=1, attention=(False, True), classes=None)
    torch.save(names.fill(network), folder / "emasavedmodel_0.9999_060000.pt")
    return convert_segmentation(folder / "emasavedmodel_0.9999_060000.pt", folder / "models").parent


@pytest.mark.parametrize("files", [("train", "thesis"), ("inference", "inference_thesis")])
def test_settings_of_the_published_model_reach_every_part(converted: Path, files: tuple[str, ...]) -> None:
    parser = merged("diffseg", *files, converted / "network.json")
    inferer, network = parser.get_parsed_content("inferer"), parser.get_parsed_content("network_def")
    assert (inferer.low, inferer.high, inferer.prediction) == (0, 1, "epsilon")
    assert network.mask_range == (0, 1) and network.prediction == "epsilon"
    network.load_state_dict(torch.load(converted / "model.pt", weights_only=True), strict=True)
    scale = parser.get_parsed_content("intensity").scale
    assert (scale.b_min, scale.b_max) == (0, 1)
    # what the file does not know comes from the overlay before it
    assert inferer.clip == (-1, 1) and inferer.divisor == 32 and len(inferer.grid) == 1001
    assert scale.mode == "percentile" and parser["spatial_size"] == [224, 224]


@pytest.mark.parametrize("files", [("train",), ("inference",)])
def test_on_the_default_configuration_the_ranges_are_those_of_the_published_model(
    converted: Path, files: tuple[str, ...]
) -> None:
    """Without the overlay of the thesis images are those of the bundle: not what the model was trained with."""
    parser = merged("diffseg", *files, converted / "network.json")
    assert parser.get_parsed_content("intensity").scale.b_min == 0 and parser["spatial_size"] != [224, 224]
    assert parser.get_parsed_content("inferer").prediction == "epsilon"


def test_evaluation(converted: Path, phantom: Path, tmp_path: Path) -> None:
    tiny = {**TINY_TRAINING, "inferer#steps": 2, "inferer#divisor": 8, "cache_dir": str(tmp_path / "cache")}
    tiny |= {"dataset_dir": str(phantom), "ckpt_dir": str(converted)}
    train("diffseg", tmp_path, "thesis", converted / "network.json", "evaluate", **tiny)
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert next(iter(report["parts"]["lesion"]["methods"])) == "diffseg of 5"
    assert report["settings"]["data_range"] == 1 and report["settings"]["background"] == 0


def test_inference(converted: Path, tmp_path: Path) -> None:
    case = write_case(tmp_path / "p", (40, 36, 4))
    options = {"spatial_size": [40, 40], "displayable_configs#steps": 2, "displayable_configs#slice_range": None}
    folders = {"dataset_dir": str(case), "ckpt_dir": str(converted)}
    infer("diffseg", tmp_path / "out", "inference_thesis", converted / "network.json", **options, **folders)
    mean = nib.load(tmp_path / "out" / "p" / "mean.nii.gz").get_fdata()
    assert mean.shape == (40, 36, 4) and np.isfinite(mean).all()
