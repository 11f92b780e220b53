# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.inferers import SimpleInferer
from torch import nn

from monai_anomaly.handlers import CollectCases, TranslationCurve
from monai_anomaly.utils import DataError

SIZE = 8


class Restore(nn.Module):
    """Takes a share of the square away."""

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        healthy = x - self.share * (x > 0)
        return torch.cat([(healthy - x).abs() / 2, healthy], 1)


def samples(twins: bool = True) -> list[dict[str, Any]]:
    """Images of zeros, every other one with a square of ones."""
    made = []
    for i in range(4):
        twin, mask = torch.zeros(1, SIZE, SIZE), torch.zeros(1, SIZE, SIZE)
        mask[:, 2 : 2 + 3 * (i % 2), 2:5] = 1
        sample = {"image": twin + mask, "mask": mask, "label": i % 2, "score": float(i > 0)}
        made.append(sample | ({"twin": twin} if twins else {}))
    return made


def train(path: Path, epochs: int, network: Restore, after: int = 0, twins: bool = True, interval: int = 2) -> Engine:
    """Five iterations an epoch; from the fifth one on each takes a tenth more away."""
    cases = CollectCases()
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(samples(twins)), batch_size=2),
        network=network,
        inferer=SimpleInferer(),
        val_handlers=[cases],
        decollate=False,
    )

    def step(engine: Engine, batch: int) -> None:
        with torch.no_grad():
            network.share += 0.1 * (engine.state.iteration >= 5)

    engine = Engine(step)
    if after:

        @engine.on(Events.STARTED)
        def resume(engine: Engine) -> None:
            engine.state.epoch, engine.state.iteration = after, 5 * after

    TranslationCurve(evaluator, cases, path, data_range=2.0, interval=interval).attach(engine)
    engine.run(range(5), max_epochs=epochs)
    return engine


def rows(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["rows"]


def test_scores_of_a_translation_that_takes_more_and_more_away(tmp_path: Path) -> None:
    """The true difference is one in 9 of 64 pixels; Otsu's threshold of these two values lies just above nothing."""
    path = tmp_path / "curve.json"
    train(path, 2, Restore())
    found = rows(path)
    assert [row["iteration"] for row in found] == [2, 4, 6, 8, 10]
    assert [row["dice"] for row in found] == [0, 0, 1, 1, 1]
    expected = [9 / 64 * (1 - share) ** 2 for share in (0, 0, 0.2, 0.4, 0.6)]
    assert [row["difference_mse"] for row in found] == pytest.approx(expected, abs=1e-6)
    assert all(row["change_healthy_mse"] == 0 and row["accuracy"] == 0.75 for row in found)
    minutes = [row["minutes"] for row in found]
    assert minutes == sorted(minutes)


def test_a_resumed_training_keeps_the_rows_before(tmp_path: Path) -> None:
    path, network = tmp_path / "curve.json", Restore()
    train(path, 2, network)
    network.share.data.fill_(0.5)
    train(path, 2, network, after=1)  # cut off in the second epoch: the rows of it are made again
    assert [row["iteration"] for row in rows(path)] == [2, 4, 6, 8, 10]
    train(path, 1, Restore())
    assert [row["iteration"] for row in rows(path)] == [2, 4]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="interval must be at least 1, got 0"):
        train(tmp_path / "curve.json", 1, Restore(), interval=0)
    with pytest.raises(DataError, match="mask and healthy twin, found none"):
        train(tmp_path / "curve.json", 1, Restore(), twins=False)
    path = tmp_path / "other.json"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"other\.json: expected the curve of a training"):
        train(path, 2, Restore(), after=1)
