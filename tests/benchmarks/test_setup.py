# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.benchmarks.setup import (
    about_checkpoint,
    case_names,
    chosen_settings,
    make_inferer,
    pick_cases,
    read_config,
    trained_network,
)
from monai_anomaly.utils import DataError
from tests.bundles.workflow import BUNDLES

from .toy import write_config, write_weights


class Slices(list):
    @property
    def labels(self) -> list[int]:
        return [s["label"] for s in self]


def make_slices(labels: list[int]) -> Slices:
    def item(i: int, label: int) -> dict[str, Any]:
        return {"label": label, "mask": torch.full((1, 2, 2), float(label)), "subject": "s", "slice": i}

    return Slices(item(i, label) for i, label in enumerate(labels))


def test_a_setting_replaces_arguments_and_objects(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"own": {}, "other": {"steps": 7, "level": None}, "number": {"level": "$torch.ones(1)"}}
    parser = read_config(write_config(tmp_path, settings=settings), {"seed": 3, "inferer#steps": 5})
    own, other, number = (make_inferer(parser, name) for name in settings)
    assert (own.steps, own.strength, own.level.item()) == (5, 0.9, pytest.approx(0.3))
    assert (other.steps, other.strength, other.level) == (7, 0.9, None)
    assert number.steps == 5 and number.level == 1


@pytest.mark.parametrize(
    "bundle",
    [bundle for bundle in BUNDLES if "classification" not in bundle.name],  # which takes no steps
    ids=lambda path: path.name,
)
def test_every_setting_of_a_bundle_can_be_made(bundle: Path) -> None:
    parser = read_config([str(bundle / "configs" / f"{name}.json") for name in ("train", "benchmark")], {})
    plan = parser["benchmark"]
    inferers = {name: make_inferer(parser, name) for name in plan["settings"]}
    assert len(inferers) > 3
    for name, inferer in inferers.items():
        if name[0].isdigit():  # "12+12 exact", "50 steps, DDIM": as many intervals as it says
            assert str(len(getattr(inferer, "scheme", inferer).grid) - 1) in name
    if bundle.name == "diffanomaly":
        thesis, own, without = (
            inferers[name]
            for name in ("DDIM 50+50", "the configuration's own", "the configuration's own, without guide")
        )
        assert (thesis.scheme.order, thesis.scheme.exact, thesis.refinement) == (1, False, None)
        assert (own.scheme.order, own.scheme.exact, own.refinement is None) == (2, True, False)
        assert [i.guides[0]["classifier"].scale for i in (thesis, own, without)] == [10.0, 10.0, 0.0]
    network = parser.get_parsed_content("network_def")
    assert set(plan["count"]) <= set(dict(network.named_children()))
    assert {"validation_cases", "test_cases", "count", "scores", "settings"} <= set(plan)


def test_a_checkpoint_is_known_by_its_weights_and_what_it_needs(tmp_path: Path) -> None:
    path = write_weights(tmp_path / "model.pt", 3.0)
    parser = read_config(write_config(tmp_path, settings={}), {})
    about = about_checkpoint(path, parser, ["network"])
    assert about["sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest() and about["device"] == "cpu"
    assert set(about["config"]) == {"network", "network_def"}
    loaded = trained_network(path, parser)
    assert not loaded.training and loaded.part.weight.item() == 3
    with pytest.raises(DataError, match=r"none\.pt: expected the weights of a training, found no such file"):
        about_checkpoint(str(tmp_path / "none.pt"), parser, ["network"])


def test_cases_are_spread_two_thirds_of_them_diseased() -> None:
    slices = make_slices([0, 1] * 10)
    few = case_names(pick_cases(slices, 6))
    assert few["lesion_pixels"] == [4, 4, 4, 4, 0, 0] and few["slice"][:4] == ["1", "7", "13", "19"]
    assert few["label"] == [1, 1, 1, 1, 0, 0]
    assert case_names(pick_cases(slices))["slice"] == [str(i) for i in range(20)]
    assert len(pick_cases(slices, 60)) == 20
    assert len(pick_cases(make_slices([1, 0, 0, 0, 0, 0]), 4)) == len(pick_cases(make_slices([0] * 6), 4)) == 4
    assert case_names(pick_cases(slices, 1))["label"] == [1]
    with pytest.raises(ValueError, match="at least 1, got -1"):
        pick_cases(slices, -1)
    assert case_names([{"subject": "s"}]) == {"subject": ["s"], "slice": [""], "label": [None], "lesion_pixels": [None]}


def test_settings_are_chosen_by_parts_of_their_names() -> None:
    settings = ["10 steps", "20 steps", "last"]
    assert chosen_settings(settings, None) == settings
    assert chosen_settings(settings, "steps") == ["10 steps", "20 steps"]
    assert chosen_settings(["150 steps", "a (50"], ["50", "("]) == ["a (50"]
    assert chosen_settings(settings, ["last", "steps", "10"]) == ["last", "10 steps", "20 steps"]
    with pytest.raises(ValueError, match=r"only must be \(parts of\) names of \['10 steps', .*got 'first'"):
        chosen_settings(settings, "first")
