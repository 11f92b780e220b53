# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""MONAI's federated client drives the bundles as they are: sites that share weights and no images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems, WeightType
from monai.fl.utils.exchange_object import ExchangeObject

from .tiny_data import TINY_TRAINING
from .tiny_network import TINY_DIFFUSION
from .workflow import configs

SITES = ("A", "B", "C")


def datalist_of(phantom: Path, part: int, out: Path) -> Path:
    """A third of the phantom's people, as those of one hospital."""
    listed = json.loads((phantom / "datalist.json").read_text(encoding="utf-8"))
    for section in ("training", "validation"):
        samples = listed[section]
        kept = samples[part :: len(SITES)] if section == "training" else samples
        for sample in kept:
            sample["image"] = [str(phantom / file) for file in sample["image"]]
            sample["mask"] = str(phantom / sample["mask"])
            sample.pop("twin", None)
        listed[section] = kept
    out.parent.mkdir(parents=True)
    out.write_text(json.dumps({**listed, "test": listed["validation"]}), encoding="utf-8")
    return out.parent


def client(name: str, bundle: str, folder: Path, **overrides: Any) -> MonaiAlgo:
    """A site's client, which trains and does not evaluate."""
    folders = {"ckpt_dir": str(folder / name / "trained"), "output_dir": str(folder / name / "eval")}
    algo = MonaiAlgo(
        bundle_root=str(configs(bundle).parent),
        local_epochs=1,
        send_weight_diff=False,
        train_kwargs={"device": "$torch.device('cpu')", **folders, **overrides},
        config_evaluate_filename=None,
    )
    algo.initialize(extra={ExtraItems.CLIENT_NAME: name})
    return algo


def mean(weights: list[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {name: torch.stack([torch.as_tensor(w[name]).double() for w in weights]).mean(0) for name in weights[0]}


def as_weights(values: Mapping[str, torch.Tensor]) -> ExchangeObject:
    return ExchangeObject(
        weights={name: value.numpy().copy() for name, value in values.items()}, weight_type=WeightType.WEIGHTS
    )


def own(values: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Copies, which training does not change."""
    return {name: torch.as_tensor(value).clone() for name, value in values.items()}


@pytest.fixture
def sites(phantom: Path, tmp_path: Path) -> dict[str, Path]:
    return {name: datalist_of(phantom, i, tmp_path / name / "datalist.json") for i, name in enumerate(SITES)}


def test_rounds_of_three_sites(sites: dict[str, Path], tmp_path: Path) -> None:
    """Every site learns on, from the mean of all, in every round."""
    tiny = {**TINY_TRAINING, **TINY_DIFFUSION, "phantom": None, "epochs": 2, "val_interval": 5, "batch_size": 2}
    runs = tmp_path / "runs"
    algos = [client(name, "diffanomaly", runs, dataset_dir=str(data), **tiny) for name, data in sites.items()]
    shared = own(algos[0].trainer.network.state_dict())
    for number in (1, 2):
        made = []
        for algo in algos:
            algo.train(as_weights(shared))
            made.append(own(algo.get_weights().weights))
            assert algo.trainer.state.epoch == number
        moved = [max(float((w[n].double() - shared[n].double()).abs().max()) for n in w) for w in made]
        assert min(moved) > 1e-4, (number, moved)
        shared = mean(made)


def test_what_the_server_sends_is_what_a_round_begins_with(sites: dict[str, Path], tmp_path: Path) -> None:
    """Not the site's own weights, which the training saved after the round before."""
    still = {"learning_rate": 0.0, "classifier_learning_rate": 0.0}
    tiny = {**TINY_TRAINING, **TINY_DIFFUSION, "phantom": None, "epochs": 3, "val_interval": 5}
    algo = client("A", "diffanomaly", tmp_path / "runs", dataset_dir=str(sites["A"]), **tiny, **still)
    shared = own(algo.trainer.network.state_dict())
    for number in (1, 2, 3):
        sent = {n: v + 0.01 * number if v.is_floating_point() else v for n, v in shared.items()}
        algo.train(as_weights(sent))
        for name, value in algo.get_weights().weights.items():
            torch.testing.assert_close(torch.as_tensor(value), sent[name], msg=f"round {number}: {name}")
