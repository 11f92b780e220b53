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

from monai_anomaly.evaluation import AnomalyMaps, CollectCases
from monai_anomaly.handlers import TranslationCurve, translation_curve
from monai_anomaly.inferers import Results
from monai_anomaly.utils import DataError

SIZE = 8


class Restore(nn.Module):
    """Takes a share of the square away."""

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor) -> Results:
        reconstruction = x - self.share * (x > 0)
        return {"map": (reconstruction - x).abs() / 2, "reconstruction": reconstruction}


def samples(twins: bool = True) -> list[dict[str, Any]]:
    """Images of zeros, every other one with a square of ones."""
    made = []
    for i in range(4):
        twin, mask = torch.zeros(1, SIZE, SIZE), torch.zeros(1, SIZE, SIZE)
        mask[:, 2 : 2 + 3 * (i % 2), 2:5] = 1
        sample = {"image": twin + mask, "mask": mask, "label": i % 2, "probability": float(i > 0)}
        made.append(sample | ({"twin": twin} if twins else {}))
    return made


class Classify(Restore):
    """Logits alone."""

    def forward(self, x: torch.Tensor) -> Results:
        return {"logits": torch.zeros(len(x), 2)}


class Clock:
    """Stands for the module ``time``."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def add(self, minutes: float) -> None:
        self.seconds += 60 * minutes

    def monotonic(self) -> float:
        return self.seconds


def train(
    path: Path,
    epochs: int,
    network: Restore,
    after: int = 0,
    data: list[dict[str, Any]] | None = None,
    clock: Clock | None = None,
    **options: Any,
) -> None:
    """Five iterations per epoch; from the fifth one on each takes a tenth more away."""
    cases = CollectCases(AnomalyMaps(["image"]))
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(data or samples()), batch_size=1),
        network=network,
        inferer=SimpleInferer(),
        val_handlers=[cases],
        decollate=False,
    )

    def step(engine: Engine, batch: int) -> None:
        if clock is not None:
            clock.add(1)
        with torch.no_grad():
            network.share += 0.1 * (engine.state.iteration >= 5)

    engine = Engine(step)
    if after:

        @engine.on(Events.STARTED)
        def resume(engine: Engine) -> None:
            engine.state.epoch, engine.state.iteration = after, 5 * after

    TranslationCurve(evaluator, cases, path, 2.0, **{"interval": 2, **options}).attach(engine)
    engine.run(range(5), max_epochs=epochs)


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


def test_a_resumed_training_keeps_the_rows_before(tmp_path: Path) -> None:
    path, network = tmp_path / "curve.json", Restore()
    train(path, 2, network)
    network.share.data.fill_(0.5)
    train(path, 2, network, after=1)  # cut off in the second epoch: the rows of it are made again
    assert [row["iteration"] for row in rows(path)] == [2, 4, 6, 8, 10]
    train(path, 1, Restore())
    assert [row["iteration"] for row in rows(path)] == [2, 4]


def test_minutes_are_those_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An iteration takes a minute, an evaluation a whole hour; a resumed training adds to what was before."""
    path, clock = tmp_path / "curve.json", Clock()
    monkeypatch.setattr(translation_curve, "time", clock)
    network = Restore()
    network.register_forward_hook(lambda *args: clock.add(15))  # of four batches
    train(path, 1, network, clock=clock)
    assert [row["minutes"] for row in rows(path)] == [2, 4]
    clock.add(1000)
    train(path, 2, network, after=1, clock=clock)
    assert [(row["iteration"], row["minutes"]) for row in rows(path)[2:]] == [(6, 5), (8, 7), (10, 9)]


def test_what_the_images_or_the_method_do_not_allow_for(tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    plain = [{k: v for k, v in sample.items() if k != "probability"} for sample in samples() if sample["label"]]
    train(path, 1, Restore(), data=plain)
    assert rows(path)[0]["dice"] == 0 and rows(path)[0]["change_healthy_mse"] is rows(path)[0]["accuracy"] is None
    some = samples()
    del some[3]["twin"]  # threshold and error are of the images that have one
    train(path, 2, Restore(), data=some)
    assert rows(path)[-1]["dice"] == 1 and rows(path)[-1]["difference_mse"] == pytest.approx(9 / 64 * 0.4**2)
    train(path, 1, Classify())
    assert set(rows(path)[0]) == {"iteration", "minutes", "dice", "difference_mse", "change_healthy_mse", "accuracy"}
    assert rows(path)[0]["dice"] is rows(path)[0]["difference_mse"] is None and rows(path)[0]["accuracy"] == 0.75


def test_every_process_evaluates_and_one_writes(tmp_path: Path) -> None:
    network, calls = Restore(), []
    network.register_forward_hook(lambda *args: calls.append(1))
    train(tmp_path / "curve.json", 1, network, save=False)
    assert len(calls) == 2 * len(samples()) and not list(tmp_path.iterdir())


def test_what_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="interval must be at least 1, got 0"):
        train(tmp_path / "curve.json", 1, Restore(), interval=0)
    with pytest.raises(DataError, match="mask and healthy twin, found none"):
        train(tmp_path / "curve.json", 1, Restore(), data=samples(twins=False))
    path = tmp_path / "other.json"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"other\.json: expected the curve of a training"):
        train(path, 2, Restore(), after=1)
