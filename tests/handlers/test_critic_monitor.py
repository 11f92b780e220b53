# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from torch import nn

from monai_anomaly.handlers import CriticMonitor
from monai_anomaly.losses import TranslationCriticLoss, TranslationGeneratorLoss
from tests.engines.critic_training import SIZE, CriticTraining, samples


def run(terms: list[dict[str, float]], loss: float | None = 1.0, values: int = 4, **options: Any) -> int:
    """Iterations until the end, or until the monitor stops an engine whose output is dictated."""
    passed = []

    def step(engine: Engine, now: dict[str, float]) -> dict[str, Any]:
        passed.append(now)
        return {
            "image": torch.zeros(2, 1, values),
            "discriminator_loss": torch.tensor(0.5),
            "generator_loss": None if loss is None else torch.tensor(loss),
            "terms": {name: torch.tensor(value) for name, value in now.items()},
        }

    engine = Engine(step)
    CriticMonitor(**options).attach(engine)
    try:
        engine.run(terms)
    except FloatingPointError:
        return -len(passed)
    return len(passed)


def test_bound_is_the_range_times_the_root_of_the_values() -> None:
    """4 values in a range of 3: images differ by at most 6."""
    for share, expected in ((0.99, 2), (1.01, -1)):
        for sign in (-1, 1):
            terms = [{"d_adv": sign * share * 5 * 6}] * 2
            assert run(terms, data_range=3.0, tolerance=5.0, smoothing=0.0) == expected


@pytest.mark.parametrize("smoothing", [0.0, 0.5, 0.9])
def test_one_outlier_passes_what_stays_does_not(smoothing: float) -> None:
    high = 12.0  # the limit is 2 x 2 sqrt(4)
    outlier = [{"d_adv": 0.0}] * 3 + [{"d_adv": high}] + [{"d_adv": 0.0}] * 3
    assert (run(outlier, smoothing=smoothing) == 7) == (smoothing > 0)
    assert run([{"d_adv": high}] * 50, smoothing=smoothing) < 0


def test_critics_that_judge_within_the_bound_pass() -> None:
    assert run([{"d_adv": 3.9}, {"d_adv": -3.9}] * 20, tolerance=1.0) == 40
    assert run([{"d_adv": 1e30}] * 5, tolerance=math.inf) == 5
    assert run([{"g_rec": 1e30}] * 5, loss=None) == 5  # no critic, no generator yet


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["d_adv", "d_gp", "g_rec"])
def test_terms_that_are_no_numbers(bad: float, name: str) -> None:
    assert run([{name: 1.0}, {name: bad}, {name: 1.0}], tolerance=math.inf) == -2
    assert run([{name: 1.0}], loss=bad) == -1


def test_what_is_told() -> None:
    engine = Engine(
        lambda engine, batch: (
            {"terms": {"g_id": torch.tensor(math.nan)}} | dict.fromkeys(("discriminator_loss", "generator_loss"))
        )
    )
    CriticMonitor().attach(engine)
    told = r"'g_id' became nan in iteration 1 \(epoch 1\); .* before are untouched. Lower critic_learning_rate"
    with pytest.raises(FloatingPointError, match=told):
        engine.run([0])


def test_one_transfer_per_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    transfers: list[str] = []
    for name in ("item", "tolist", "__bool__", "__float__"):
        plain = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor, name, lambda self, plain=plain, name=name: transfers.append(name) or plain(self)
        )
    assert run([{"d_adv": 1.0, "d_gp": 2.0, "g_rec": 3.0}] * 3) == 3
    assert transfers == ["tolist"] * 3


def test_a_run_begins_with_nothing() -> None:
    """6 iterations of twice the limit come near it, 7 pass it: not if they are of two runs."""
    high = {"image": torch.zeros(2, 1, 4), "terms": {"d_adv": torch.tensor(16.0)}}
    high |= dict.fromkeys(("discriminator_loss", "generator_loss"))
    engine = Engine(lambda engine, batch: high)
    CriticMonitor().attach(engine)
    for _ in range(2):
        engine.run(range(6))
    with pytest.raises(FloatingPointError, match=r"the critic diverged .* in iteration 7"):
        engine.run(range(7))


def test_smoothing_is_checked() -> None:
    with pytest.raises(ValueError, match=r"smoothing must be in \[0, 1\), got 1"):
        CriticMonitor(smoothing=1.0)


def check_what_is_left(folder: Path, training: CriticTraining, epoch: int, message: str) -> None:
    """The training is stopped, and its state is that of the epoch before, from which it is resumed."""
    with pytest.raises(FloatingPointError, match=message):
        training.run()
    state = torch.load(folder / "state.pt", weights_only=True)
    assert state["epoch"] == epoch and training.trainer.state.epoch == epoch + 1
    assert all(value.isfinite().all() for value in state["objects"]["network"].values())
    again = CriticTraining(folder, epoch + 1, handlers=[CriticMonitor()]).run()
    assert again.trainer.state.epoch == epoch + 1


def test_healthy_training_passes(tmp_path: Path) -> None:
    assert CriticTraining(tmp_path, 3, handlers=[CriticMonitor(tolerance=0.5)]).run().trainer.state.epoch == 3


def test_scaled_critic_is_stopped(tmp_path: Path) -> None:
    training = CriticTraining(tmp_path, 4, handlers=[CriticMonitor()])

    def spoil(engine: Any) -> None:
        for critic in training.network.discriminator.critics:
            critic[-1].conv.weight.data *= 1e7

    training.trainer.add_event_handler(Events.ITERATION_STARTED(once=8), spoil)
    allowed = 2 * SIZE  # the range times the root of SIZE x SIZE
    message = rf"the critic diverged .* allows {allowed}\) in iteration .*epoch before"
    check_what_is_left(tmp_path, training, 2, message)


def test_critic_without_penalty_is_stopped(tmp_path: Path) -> None:
    losses = (TranslationGeneratorLoss(), TranslationCriticLoss(lambda_gp=0.0))
    training = CriticTraining(tmp_path, 2000, handlers=[CriticMonitor()], losses=losses, rates=(1e-3, 0.1))
    with pytest.raises(FloatingPointError, match="the critic diverged"):
        training.run()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["epoch"] == training.trainer.state.epoch - 1
    assert all(value.isfinite().all() for value in state["objects"]["network"].values())


def test_image_that_is_no_number(tmp_path: Path) -> None:
    data = samples(12)
    training = CriticTraining(tmp_path, 4, handlers=[CriticMonitor()], data=data)

    def spoil(engine: Any) -> None:
        data[5]["image"][:] = math.nan

    training.trainer.add_event_handler(Events.EPOCH_COMPLETED(once=2), spoil)
    check_what_is_left(tmp_path, training, 2, "became nan in iteration [789] .*epoch before")


def test_weights_that_the_last_step_of_an_epoch_broke(tmp_path: Path) -> None:
    training = CriticTraining(tmp_path, 4, handlers=[CriticMonitor()])

    def spoil(engine: Any) -> None:
        nn.init.constant_(training.network.discriminator.critics[1][-1].conv.bias, math.inf)

    training.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=6), spoil)
    check_what_is_left(tmp_path, training, 1, "weights became NaN or infinite in iteration 6 .*epoch before")
