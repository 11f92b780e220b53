# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""MONAI's federated client drives the bundles as they are: hospitals that share weights and no images."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import TINY_NETWORK

from .tiny_data import TINY_SITES, TINY_TRAINING
from .workflow import REPOSITORY, configs

SLICES = {**TINY_TRAINING, **TINY_NETWORK, "phantom": None, "batch_size": 6}
VOLUMES = {**TINY_SITES, "phantom": None, "images": 4, "anchors": 1, "batch_size": 2}


@pytest.fixture(scope="module")
def tool() -> Any:
    """``tools/federated_rounds.py``, which plays the server."""
    spec = importlib.util.spec_from_file_location("federated_rounds", REPOSITORY / "tools" / "federated_rounds.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("bundle", "data", "tiny"), [("diffanomaly", "phantom", SLICES), ("l2i_classification", "sites", VOLUMES)]
)
def test_rounds_of_three_hospitals(
    tool: Any, bundle: str, data: str, tiny: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Every hospital learns on, from the mean of all, in every round, and something else than the others."""
    folders = tool.divide(request.getfixturevalue(data), tmp_path)
    options = {**tiny, "epochs": 2, "bundle": configs(bundle).parent}
    algos = [tool.client(name, folder, folder, **options) for name, folder in folders.items()]
    assert len(algos) == 3
    shared = tool.own(algos[0].trainer.network.state_dict())
    for number in (1, 2):
        made = [tool.trained(algo, shared) for algo in algos]
        assert [algo.trainer.state.epoch for algo in algos] == [number] * 3
        assert min(apart(weights, shared) for weights in made) > 1e-4
        assert apart(made[0], made[1]) > 1e-4
        shared = tool.mean(made)
    assert all(value.isfinite().all() for value in shared.values())
    if bundle == "l2i_classification":
        assert tool.correct(algos[0], shared).shape == (10,)  # the held-out people


@pytest.mark.parametrize("resume", [True, False])
def test_what_the_server_sends_is_what_a_round_begins_with(
    tool: Any, phantom: Path, resume: bool, tmp_path: Path
) -> None:
    """Not the site's own weights, which the training saved after the round before."""
    still = {"learning_rate": 0.0, "classifier_learning_rate": 0.0, "epochs": 3, "resume": resume}
    name, data = next(iter(tool.divide(phantom, tmp_path).items()))
    algo = tool.client(name, data, data, configs("diffanomaly").parent, **{**SLICES, **still})
    shared = tool.own(algo.trainer.network.state_dict())
    for number in (1, 2, 3):
        sent = {n: v + 0.01 * number if v.is_floating_point() else v for n, v in shared.items()}
        for key, value in tool.trained(algo, sent).items():
            torch.testing.assert_close(value, sent[key], msg=f"round {number}: {key}")


def test_mean_of_hospitals(tool: Any) -> None:
    """Counts stay whole numbers."""
    weights = [
        {"w": torch.tensor([1.0, 2.0]), "n": torch.tensor(4)},
        {"w": torch.tensor([3.0, 6.0]), "n": torch.tensor(4)},
    ]
    found = tool.mean(weights)
    assert found["w"].tolist() == [2.0, 4.0] and found["n"] == 4 and found["n"].dtype == torch.int64


def apart(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> float:
    """Greatest difference of any weight."""
    return max(float((value.double() - others[name].double()).abs().max()) for name, value in weights.items())
