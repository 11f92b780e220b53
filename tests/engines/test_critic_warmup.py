# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Iterations of the discriminator alone, before the generator begins."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.handlers import LrScheduleHandler

from monai_anomaly.losses import DiscriminatorClassLoss

from .critic_training import CriticTraining

PARTS = ("generator.", "discriminator.classifier.", "discriminator.critics.")


def changes(training: CriticTraining) -> tuple[list[list[bool]], list[set[str]]]:
    """Which of the `PARTS` each iteration changed, and the terms it had."""
    moved: list[list[bool]] = []
    terms: list[set[str]] = []
    before: dict[str, torch.Tensor] = {}

    def started(engine: Any) -> None:
        before.update(training.weights())

    def completed(engine: Any) -> None:
        after = training.weights()
        moved.append([any(not torch.equal(before[k], v) for k, v in after.items() if k.startswith(p)) for p in PARTS])
        terms.append(set(engine.state.output["terms"]))

    training.trainer.add_event_handler(Events.ITERATION_STARTED, started)
    training.trainer.add_event_handler(Events.ITERATION_COMPLETED, completed)
    training.run()
    return moved, terms


def test_the_classes_alone() -> None:
    moved, terms = changes(CriticTraining(n_critic=1, warmup=2, d_warmup_loss_function=DiscriminatorClassLoss()))
    assert moved == [[False, True, False], [False, True, False], [True, True, True]]
    assert terms[0] == terms[1] == {"d_cls"} and {"d_adv", "d_gp", "d_cls", "g_adv"} <= terms[2]


def test_without_a_loss_of_its_own() -> None:
    moved, terms = changes(CriticTraining(n_critic=1, warmup=2))
    assert moved == [[False, True, True], [False, True, True], [True, True, True]]
    assert terms[0] == terms[1] == {"d_adv", "d_gp", "d_cls"}


def test_the_generator_waits_for_as_many_updates_of_the_critic_as_ever() -> None:
    moved, _ = changes(CriticTraining(epochs=2, n_critic=2, warmup=1))
    assert [generator for generator, *_ in moved] == [False, False, True, False, True, False]


def test_weights_that_know_the_classes_need_none() -> None:
    training = CriticTraining(n_critic=1, warmup=4)  # longer than the training
    training.trainer.add_event_handler(Events.STARTED, lambda engine: setattr(engine.state, "pretrained", {}))
    moved, _ = changes(training)
    assert all(generator for generator, *_ in moved)


def test_a_training_that_is_interrupted_in_the_warmup_ends_with_the_same_weights(tmp_path: Path) -> None:
    options: dict[str, Any] = {"warmup": 4, "n_critic": 1, "d_warmup_loss_function": DiscriminatorClassLoss()}
    whole = CriticTraining(epochs=2, **options).run().weights()
    CriticTraining(tmp_path, epochs=2, **options, handlers=[Stop()]).run()
    parts = CriticTraining(tmp_path, epochs=2, **options).run().weights()
    torch.testing.assert_close(parts, whole, rtol=0, atol=0)


class Stop:
    """Ends a training in its second epoch, in the warm-up."""

    def attach(self, engine: Any) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED(once=4), engine.terminate)


def test_a_schedule_that_counts_the_warmup_is_no_reason_to_warn() -> None:
    training = CriticTraining(n_critic=1, warmup=2)
    rate = torch.optim.lr_scheduler.LambdaLR(training.optimizers[0], lambda step: 1 - step / 10)
    LrScheduleHandler(rate, print_lr=False, epoch_level=False).attach(training.trainer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training.run()
    assert rate.get_last_lr() == pytest.approx([0.7e-3])


@pytest.mark.parametrize("warmup", [3, 4])
def test_a_generator_that_would_learn_nothing(warmup: int) -> None:
    training = CriticTraining(warmup=warmup)
    with pytest.raises(ValueError, match=f"less than the 3 iterations of the training, got {warmup}"):
        training.run()


def test_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="warmup must be at least 0, got -1"):
        CriticTraining(warmup=-1)
