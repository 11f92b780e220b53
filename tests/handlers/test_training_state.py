# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Trainings that are interrupted and resumed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from torch import nn

from monai_anomaly.utils import DataError, OutputError

from .small_training import Training, cut_short, stop_after


@pytest.mark.parametrize("after", [1, 2, 3])
def test_interrupted_training_ends_with_the_same_bits(tmp_path: Path, after: int) -> None:
    straight = Training(tmp_path / "straight", 4).run()
    cut_short(tmp_path / "broken", after, 4)
    resumed = Training(tmp_path / "broken", 4).run()
    assert resumed.trainer.state.epoch == 4 and resumed.trainer.state.iteration == 16
    assert all(torch.equal(a, b) for a, b in zip(straight.weights(), resumed.weights(), strict=True))
    assert straight.optimizer.param_groups[0]["lr"] == resumed.optimizer.param_groups[0]["lr"]
    assert straight.evaluator.state.best_metric == resumed.evaluator.state.best_metric
    for name in ("state.pt", "model.pt"):
        assert (tmp_path / "straight" / name).exists() and (tmp_path / "broken" / name).exists()
    best = [torch.load(tmp_path / run / "model.pt", weights_only=True) for run in ("straight", "broken")]
    assert all(torch.equal(best[0][key], best[1][key]) for key in best[0])


def test_interrupted_epoch_is_repeated(tmp_path: Path) -> None:
    straight = Training(tmp_path / "straight", 3).run()
    broken = Training(tmp_path / "broken", 3)

    def kill(engine: Any) -> None:
        raise KeyboardInterrupt

    broken.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=6), kill)  # in the second epoch
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    resumed = Training(tmp_path / "broken", 3).run()
    assert all(torch.equal(a, b) for a, b in zip(straight.weights(), resumed.weights(), strict=True))


def test_finished_training_is_left_alone(tmp_path: Path) -> None:
    done = Training(tmp_path, 2).run()
    again = Training(tmp_path, 2).run()
    assert again.trainer.state.epoch == 2
    assert all(torch.equal(a, b) for a, b in zip(done.weights(), again.weights(), strict=True))


def test_longer_training_follows_its_own_learning_rate_schedule(tmp_path: Path) -> None:
    Training(tmp_path / "short", 2).run()
    longer = Training(tmp_path / "short", 6)
    rates: list[float] = []
    longer.trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda engine: rates.append(longer.optimizer.param_groups[0]["lr"])
    )
    longer.run()
    straight = Training(tmp_path / "straight", 6)
    expected = [0.05 * straight.schedule.lr_lambda(step) for step in range(9, 25)]
    assert rates == pytest.approx(expected)


def test_without_resume_training_starts_anew(tmp_path: Path) -> None:
    first = Training(tmp_path, 1).run()
    anew = Training(tmp_path, 1, resume=False).run()
    assert all(torch.equal(a, b) for a, b in zip(first.weights(), anew.weights(), strict=True))
    assert torch.load(tmp_path / "state.pt", weights_only=True)["epoch"] == 1


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    Training(tmp_path, 1, save=False).run()
    assert not list(tmp_path.iterdir())


def best_epochs(folder: Path, metrics: list[float], after: int | None = None, **options: Any) -> list[int]:
    """The epochs after which the best model was written, over one run or over two."""
    written = []
    for start in (0, 1) if after else (1,):
        training = Training(folder, len(metrics), validation=metrics, **options)

        def note(engine: Any, model: Path = folder / "model.pt") -> None:
            if model.exists():
                written.append(engine.state.epoch)
                model.unlink()

        training.trainer.add_event_handler(Events.EPOCH_COMPLETED, note)
        if start == 0 and after:
            stop_after(training, after)
        training.run()
    return written


@pytest.mark.parametrize("after", [None, 1, 2, 3])
def test_best_model_is_written_only_when_validation_improves(tmp_path: Path, after: int | None) -> None:
    assert best_epochs(tmp_path, [3.0, 2.0, 2.5, 1.0, 1.0], after) == [1, 2, 4]


def test_epochs_without_validation_write_no_model(tmp_path: Path) -> None:
    assert best_epochs(tmp_path, [9.0, 3.0, 1.0, 2.0, 0.0, 2.5], val_interval=2) == [2, 4]


def test_best_model_has_the_weights_of_its_epoch(tmp_path: Path) -> None:
    training = Training(tmp_path, 3, validation=[1.0, 2.0, 3.0])
    kept = {}

    def keep(engine: Any) -> None:
        kept.update({k: v.clone() for k, v in training.average.state_dict().items()})

    training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=1), keep)
    training.run()
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert all(torch.equal(saved[k], kept[k]) for k in kept)
    assert any(not torch.equal(saved[k], v) for k, v in training.average.state_dict().items())


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_file_is_named_with_a_way_out(tmp_path: Path, share: float) -> None:
    Training(tmp_path, 1).run()
    path = tmp_path / "state.pt"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"state\.pt: .*damaged.*remove it, or pass --resume False"):
        Training(tmp_path, 2).run()


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": 1}, {"objects": {}}])
def test_file_that_is_no_training_state(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "state.pt")
    with pytest.raises(DataError, match=r"state\.pt: expected .*--resume False"):
        Training(tmp_path, 2).run()


def test_state_without_validation_can_be_resumed_with_one(tmp_path: Path) -> None:
    training = Training(tmp_path, 1)
    training.handler.evaluator = None
    training.run()
    assert Training(tmp_path, 2).run().trainer.state.epoch == 2


@pytest.mark.parametrize("failing", ["state.pt", "model.pt"])
def test_failing_write_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    Training(tmp_path, 1, validation=[2.0, 1.0]).run()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    replace = os.replace

    def full_disk(written: Path, path: Path) -> None:
        if path.name == failing:
            written.write_bytes(written.read_bytes()[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(written, path)

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OutputError, match=rf"{failing}: could not be written: No space left on device"):
        Training(tmp_path, 2, validation=[2.0, 1.0]).run()
    after = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert set(after) == set(before)
    assert after[failing] == before[failing] and after["state.pt"] == before["state.pt"]
    monkeypatch.undo()
    assert Training(tmp_path, 2, validation=[2.0, 1.0]).run().trainer.state.epoch == 2


def test_broken_loss_leaves_the_state_of_the_epoch_before(tmp_path: Path) -> None:
    training = Training(tmp_path, 3)

    def spoil(engine: Any) -> None:
        nn.init.constant_(training.network[0].weight, float("nan"))

    training.trainer.add_event_handler(Events.ITERATION_STARTED(once=6), spoil)
    with pytest.raises(FloatingPointError):
        training.run()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["epoch"] == 1 and all(v.isfinite().all() for v in state["objects"]["network"].values())
