# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Comparators share data, split and evaluation with the method, and leave its files alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from monai_anomaly.evaluation import Segmentation, load_cases

from .tiny_data import TINY_TRAINING
from .workflow import merged, train

SAMPLES = {"segnet": 1, "bayesian_segnet": 5, "aleatoric_segnet": 5, "dynunet": 1}
"""Name of each comparator, and how many samples it draws."""
each_comparator = pytest.mark.parametrize("name", sorted(SAMPLES))


@each_comparator
def test_same_evaluation_in_files_of_its_own(name: str) -> None:
    default, parser = merged("diffseg", "train"), merged("diffseg", "train", name)
    for item in ("evaluate", "validate#dataset", "volume_transforms", "train#dataset", "epochs", "batch_size", "run"):
        assert parser[item] == default[item], item
    assert parser.get_parsed_content("config_name") == name
    assert parser.get_parsed_content("output_dir") == default.get_parsed_content("output_dir") + f"/{name}"
    for item, ending in (("model_file", f"/{name}.pt"), ("state_file", f"/{name}_state.pt")):
        assert parser.get_parsed_content(item).endswith(ending)


@each_comparator
@pytest.mark.parametrize("overlay", ["regions", "thesis"])
def test_goes_after_the_overlays_of_the_method(name: str, overlay: str) -> None:
    """Nothing of the method's own network and sampler is left, and the network has an output for each region."""
    alone, parser = merged("diffseg", "train", name), merged("diffseg", "train", overlay, name)
    for item in ("network_def", "loss", "inferer", "panel_inferer", "optimizer", "learning_rate"):
        assert parser[item] == alone[item], item
    assert parser.get_parsed_content("output_dir").endswith(f"/eval/{overlay}/{name}")
    assert parser.get_parsed_content("config_name") == f"{overlay}_{name}"
    regions, inferer = parser.get_parsed_content("num_regions"), parser.get_parsed_content("inferer")
    size = 32 if overlay == "regions" else 224
    with torch.device("meta"):
        network = parser.get_parsed_content("network_def").eval()
        outputs = network(torch.empty(1, 4, size, size)).shape[1]
    assert outputs == regions * (2 if name == "aleatoric_segnet" else 1) and inferer.regions == regions


@each_comparator
def test_trains_and_reports(name: str, phantom: Path, slices: str, tmp_path: Path) -> None:
    train("diffseg", tmp_path, name, dataset_dir=str(phantom), **TINY_TRAINING, cache_dir=slices)
    files = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert files == [f"{name}.json", f"{name}.pt", f"{name}_state.pt"]
    output = tmp_path / "eval"
    assert (output / "threshold.json").is_file()
    methods = json.loads((output / "metrics.json").read_text(encoding="utf-8"))["parts"]["lesion"]["methods"]
    ensemble = [f"{name} of 5", "1 sample"] if SAMPLES[name] > 1 else [name]
    assert list(methods) == [*ensemble, "threshold"]
    cases = load_cases(output / "cases.npz", Segmentation.schema)
    assert len(cases) and (output / "examples.png").exists() and (output / "curves.png").exists()
