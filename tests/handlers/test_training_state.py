# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from ignite.metrics import Loss
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import LrScheduleHandler, ValidationHandler, from_engine
from monai.optimizers import WarmupCosineSchedule
from torch import nn

from monai_anomaly.handlers import (
    EpochSeed,
    FiniteLoss,
    MovingAverage,
    TrainingState,
    WeightsLoader,
    from_weights,
    trained_on,
)
from monai_anomaly.utils import DataError, OutputError, load_tensors, provenance, read_model_record

CPU = torch.device("cpu")


def samples(n: int) -> list[dict[str, torch.Tensor]]:
    g = torch.Generator().manual_seed(0)
    return [{"image": torch.rand(3, generator=g), "label": torch.rand(1, generator=g)} for _ in range(n)]


class Sliced(Dataset):
    """Samples that tell which they are, as those of `SliceDataset` do."""

    def __init__(self, data: list[Any], name: str) -> None:
        super().__init__(data)
        self._summary = {"samples": len(data), "subjects": 2, "with_mask": 0, "fingerprint": name}

    @property
    def summary(self) -> dict[str, Any]:
        return self._summary


def network(width: int = 4) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Dropout(0.2), nn.Linear(width, 1))


class Training:
    """A small but complete training, as a new process would build it."""

    def __init__(
        self,
        folder: Path,
        epochs: int,
        *,
        width: int = 4,
        batch_size: int = 2,
        rate: float = 0.05,
        data: Dataset | None = None,
        settings: dict[str, Any] | None = None,
        validation: list[float] | None = None,
        val_interval: int = 1,
        objects: tuple[str, ...] = ("network", "average", "optimizer", "schedule"),
        pretrained: Path | None = None,
        **options: Any,
    ) -> None:
        self.network, self.average = network(width), network(width)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=rate)
        loader = DataLoader(data or Sliced(samples(8), "a"), batch_size=batch_size, shuffle=True)
        self.schedule = WarmupCosineSchedule(self.optimizer, warmup_steps=3, t_total=epochs * len(loader))
        self.validation = validation

        def loss(pred: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            """The mean squared error, or what the test dictates for the epoch."""
            if self.validation is not None:
                return torch.tensor(self.validation[self.trainer.state.epoch - 1])
            return nn.functional.mse_loss(pred, label)

        self.evaluator = SupervisedEvaluator(
            CPU,
            DataLoader(Dataset(samples(4)), batch_size=4),
            self.average,
            key_val_metric={"loss": Loss(loss, output_transform=from_engine(["pred", "label"], first=False))},
            metric_cmp_fn=lambda new, best: new < best,
            decollate=False,
        )
        everything = {n: getattr(self, n) for n in ("network", "average", "optimizer", "schedule")}
        self.handler = TrainingState(
            folder / "state.pt",
            {name: everything[name] for name in objects},
            folder / "model.pt",
            self.average,
            self.evaluator,
            settings={"seed": 7} if settings is None else settings,
            pretrained=pretrained,
            **options,
        )
        self.trainer = SupervisedTrainer(
            CPU,
            epochs,
            loader,
            self.network,
            self.optimizer,
            nn.functional.mse_loss,
            decollate=False,
            train_handlers=[
                *([WeightsLoader(pretrained, self.network)] if pretrained and not self.handler.path.exists() else []),
                MovingAverage(self.network, self.average, 0.9),
                EpochSeed(7),
                FiniteLoss(),
                LrScheduleHandler(self.schedule, print_lr=False, epoch_level=False),
                ValidationHandler(val_interval, self.evaluator),
                self.handler,
            ],
        )

    def run(self) -> Training:
        self.trainer.run()
        return self

    def weights(self) -> list[torch.Tensor]:
        state = [*self.network.state_dict().values(), *self.average.state_dict().values()]
        return [v.clone() for v in state]


def cut_short(folder: Path, after: int, epochs: int, **options: Any) -> Training:
    """A training of some epochs that ends early, as by a kill."""
    training = Training(folder, epochs, **options)
    stop_after(training, after)
    return training.run()


def stop_after(training: Training, epoch: int) -> None:
    training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=epoch), lambda engine: engine.terminate())


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


def test_epoch_that_was_broken_off_is_repeated(tmp_path: Path) -> None:
    straight = Training(tmp_path / "straight", 3).run()
    broken = Training(tmp_path / "broken", 3)

    def kill(engine: Any) -> None:
        raise KeyboardInterrupt

    broken.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=6), kill)  # in the second epoch
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    resumed = Training(tmp_path / "broken", 3).run()
    assert all(torch.equal(a, b) for a, b in zip(straight.weights(), resumed.weights(), strict=True))


def test_finished_training_is_left_as_it_is(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objects": ("network", "optimizer")}, "expected the state of"),
        ({"width": 5}, r"network\.0\.out_features 4 -> 5; network\.1\.num_features 4 -> 5"),
        ({"batch_size": 4}, r"batch_size 2 -> 4"),
        ({"settings": {"seed": 8}}, r"\(seed 7 -> 8\)"),
        ({"rate": 0.1}, r"\(optimizer\.lr 0\.05 -> 0\.1\)"),
        ({"data": Sliced(samples(8), "b")}, r"\(training data 8 sample.*fingerprint a -> 8 .*fingerprint b\)"),
    ],
)
def test_other_configuration_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    Training(tmp_path, 1).run()
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(DataError, match=rf"state\.pt.*{message}.*--resume False") as caught:
        Training(tmp_path, 2, **options).run()
    assert len(str(caught.value).removeprefix(str(tmp_path))) < 320
    assert (tmp_path / "state.pt").read_bytes() == before


def test_what_only_concerns_the_computer_or_the_length_may_change(tmp_path: Path) -> None:
    Training(tmp_path, 1).run()
    again = Training(tmp_path, 3)
    again.optimizer.param_groups[0]["foreach"] = False
    again.trainer.amp = True
    assert again.run().trainer.state.epoch == 3


def test_a_training_that_is_gone_on_with_anyway_tells_what_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Training(tmp_path, 1).run()
    Training(tmp_path, 2, settings={"seed": 8}, resume="anyway").run()
    assert "seed 7 -> 8" in caplog.text
    with pytest.raises(DataError, match="seed 8 -> 7"):  # it is another training from then on
        Training(tmp_path, 3).run()
    assert load_tensors(tmp_path / "state.pt")["about"]["changes"] == ["after epoch 1: seed 7 -> 8"]
    with pytest.raises(ValueError, match="resume must be"):
        Training(tmp_path, 3, resume="never")


def test_the_model_tells_what_it_was_trained_on(tmp_path: Path) -> None:
    Training(tmp_path, 3, validation=[2.0, 1.0, 3.0]).run()
    record = read_model_record(tmp_path / "model.pt")["training"]
    assert record["epoch"] == 2 and record["settings"]["seed"] == 7
    assert record["data"]["training"]["fingerprint"] == "a" and record["changes"] == []
    assert record["settings"]["optimizer.lr"] == 0.05 and "network.0.out_features" not in record["settings"]
    torch.save({}, tmp_path / "model.pt")
    with pytest.warns(UserWarning, match=r"model\.json tells how another file"):
        assert read_model_record(tmp_path / "model.pt")["training"] is None


def test_a_state_of_an_older_version_is_gone_on_with_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Training(tmp_path, 1).run()
    state = load_tensors(tmp_path / "state.pt")
    del state["about"]
    torch.save(state, tmp_path / "state.pt")
    assert Training(tmp_path, 2, settings={"seed": 9}).run().trainer.state.epoch == 2
    assert "does not tell seed, data and settings" in caplog.text
    caplog.clear()
    Training(tmp_path, 2, settings={"seed": 9}).run()
    assert "does not tell" not in caplog.text  # once


def test_another_version_of_a_library_is_noted_and_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Training(tmp_path, 1).run()
    grown = {"seed": 7, "eta": 0}  # an attribute more
    with pytest.raises(DataError, match="eta none -> 0"):
        Training(tmp_path, 2, settings=grown).run()
    now = provenance()
    now["versions"]["monai"] = "99"
    monkeypatch.setattr(trained_on, "provenance", lambda: now)
    with pytest.raises(DataError, match=r"\(optimizer\.lr 0\.05 -> 0\.1\)"):  # what both have still counts
        Training(tmp_path, 2, settings=grown, rate=0.1).run()
    assert Training(tmp_path, 2, settings=grown).run().trainer.state.epoch == 2
    assert "another version of the code: monai " in caplog.text and "-> 99; eta none -> 0" in caplog.text
    caplog.clear()
    Training(tmp_path, 3, settings=grown).run()
    assert "another version" not in caplog.text  # once
    (change,) = load_tensors(tmp_path / "state.pt")["about"]["changes"]
    assert change.startswith("after epoch 1: monai ") and change.endswith(" -> 99; eta none -> 0")


def test_a_fine_tuning_goes_on_from_the_weights_it_began_with(tmp_path: Path) -> None:
    run, one, other = tmp_path / "run", tmp_path / "one.pt", tmp_path / "other.pt"
    for path, value in ((one, 0.1), (other, 0.2)):
        nn.init.constant_((weights := network())[0].weight, value)
        torch.save(weights.state_dict(), path)
    Training(run, 1, pretrained=one).run()
    before = (run / "state.pt").read_bytes()
    with pytest.raises(DataError, match=r"state\.pt: .*\(pretrained one\.pt -> .*other\.pt\).*--resume False"):
        Training(run, 2, pretrained=other).run()
    assert (run / "state.pt").read_bytes() == before
    assert Training(run, 2, pretrained=one).run().trainer.state.epoch == 2
    assert Training(run, 3).run().trainer.state.epoch == 3  # left out
    one.rename(tmp_path / "one_pretrained.pt")  # kept, since the training wrote over it
    torch.save({}, one)
    assert Training(run, 4, pretrained=one).run().trainer.state.epoch == 4
    assert read_model_record(run / "model.pt")["training"]["pretrained"]["file"] == "one.pt"
    assert from_weights(False, True, run / "state.pt") and not from_weights(False, False, run / "state.pt")

    Training(tmp_path / "scratch", 1).run()
    with pytest.raises(DataError, match=r"pretrained none -> .*other\.pt"):
        Training(tmp_path / "scratch", 2, pretrained=other).run()
    assert not from_weights(False, True, tmp_path / "scratch" / "state.pt")
    assert not from_weights(False, True, other) and from_weights(True, True, other)


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
