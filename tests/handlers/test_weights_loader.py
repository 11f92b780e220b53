# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ignite.engine import Engine

from monai_anomaly.handlers import WeightsLoader
from monai_anomaly.utils import DataError


def load(path: Path, network: torch.nn.Module) -> None:
    engine = Engine(lambda engine, batch: None)
    WeightsLoader(str(path), {"model": network}).attach(engine)
    engine.run([0])


def test_the_weights_are_there_afterwards(tmp_path) -> None:
    saved, network = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    torch.save(saved.state_dict(), tmp_path / "model.pt")
    load(tmp_path / "model.pt", network)
    assert torch.equal(network.weight, saved.weight)


def test_what_is_missing_damaged_or_of_another_network_is_named(tmp_path) -> None:
    path = tmp_path / "model.pt"
    with pytest.raises(DataError, match=r"model\.pt: expected the weights of a training, found no such file"):
        load(path, torch.nn.Linear(2, 3))
    torch.save(torch.nn.Linear(2, 3).state_dict(), path)
    with pytest.raises(DataError, match=r"model\.pt: .*another network .*size mismatch"):
        load(path, torch.nn.Linear(4, 3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"model\.pt: .*damaged"):
        load(path, torch.nn.Linear(2, 3))
