# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.apps.benchmark_setup import (
    about_checkpoint,
    chosen_settings,
    component_arguments,
    pick_test_slices,
    read_config,
    slice_names,
    trained_network,
)
from monai_anomaly.utils import DataError

CONFIG: dict[str, Any] = {
    "width": 3,
    "layer": {"_target_": "torch.nn.Linear", "in_features": "@width", "out_features": "$@width + 1"},
    "network": "$torch.nn.Sequential(@layer, torch.nn.Dropout())",
    "lr": 0.1,
}


class Slices(list):
    @property
    def labels(self) -> list[int]:
        return [s["label"] for s in self]


def make_slices(labels: list[int]) -> Slices:
    def item(i: int, label: int) -> dict[str, Any]:
        return {"label": label, "mask": torch.full((1, 2, 2), float(label)), "subject": "s", "slice": i}

    return Slices(item(i, label) for i, label in enumerate(labels))


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return str(tmp_path / "config.json")


def test_a_component_is_taken_apart(config: str) -> None:
    parser = read_config(config, {"width": 5, "layer#bias": False})
    assert component_arguments(parser, "layer") == {"in_features": 5, "out_features": 6, "bias": False}


def test_a_checkpoint_is_known_by_its_weights_and_what_it_needs(config: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout())
    torch.save(network.state_dict(), path)
    parser = read_config(config, {})
    about = about_checkpoint(str(path), parser, ["layer"])
    assert about["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(about["config"]) == {"layer", "width"}
    loaded = trained_network(str(path), parser)
    assert not loaded.training and torch.equal(loaded[0].weight, network[0].weight)
    with pytest.raises(DataError, match=r"none\.pt: expected the weights of a training, found no such file"):
        about_checkpoint(str(tmp_path / "none.pt"), parser, ["layer"])


def test_slices_are_spread_two_thirds_of_them_diseased() -> None:
    slices = make_slices([0, 1] * 10)
    few = slice_names(pick_test_slices(slices, 6))
    assert few["lesion_pixels"] == [4, 4, 4, 4, 0, 0] and few["slice"][:4] == [1, 7, 13, 19]
    assert slice_names(pick_test_slices(slices))["slice"] == list(range(20))
    assert len(pick_test_slices(slices, 60)) == 20
    assert slice_names([{"subject": "s", "slice": 3}])["lesion_pixels"] == [None]


def test_settings_are_chosen_by_parts_of_their_names() -> None:
    settings: dict[str, dict[str, Any]] = {"10 steps": {"steps": 10}, "20 steps": {"steps": 20}, "last": {}}
    assert list(chosen_settings(settings, None)) == list(settings)
    assert list(chosen_settings(settings, "steps")) == ["10 steps", "20 steps"]
    assert list(chosen_settings({"150 steps": {}, "a (50": {}}, ["50", "("])) == ["a (50"]
    assert list(chosen_settings(settings, ["last", "10"])) == ["10 steps", "last"]
    with pytest.raises(ValueError, match=r"only must be \(parts of\) names of \['10 steps', .*got 'first'"):
        chosen_settings(settings, "first")
