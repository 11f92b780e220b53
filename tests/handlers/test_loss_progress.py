# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from ignite.engine import Engine, Events

from monai_anomaly.handlers import LossProgress
from monai_anomaly.losses import ClassLoss, DomainAdversarialLoss, SiteInvariantLoss


def shares(iterations: int, start_at: int = 0) -> list[float]:
    adversarial = DomainAdversarialLoss(2, 4, hidden=2)
    seen: list[float] = []
    engine = Engine(lambda engine, batch: seen.append(adversarial.progress))
    LossProgress(SiteInvariantLoss({"class": ClassLoss(), "site": adversarial}), iterations).attach(engine)
    if start_at:  # a resumed run
        engine.add_event_handler(Events.STARTED, lambda engine: setattr(engine.state, "iteration", start_at))
    engine.run([0] * 3, max_epochs=2)
    return seen


def test_the_share_rises_in_a_line_to_1() -> None:
    assert shares(4) == [0, 0.25, 0.5, 0.75, 1, 1]


def test_a_resumed_run_has_the_shares_of_its_iterations() -> None:
    assert shares(4, start_at=2)[:3] == shares(4)[2:5]


def test_other_losses_are_left_alone() -> None:
    loss = ClassLoss()
    assert LossProgress(loss, 4).losses == [] and not hasattr(loss, "progress")


def test_no_iterations_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        LossProgress(ClassLoss(), 0)
