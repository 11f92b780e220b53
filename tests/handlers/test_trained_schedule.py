# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from typing import Any

import pytest
from monai.networks.nets import DiffusionModelUNet

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.engines import NoisyMaskPrepareBatch, NoisyPrepareBatch
from monai_anomaly.handlers import check_schedule, trained_level
from monai_anomaly.handlers.trained_on import brief
from monai_anomaly.handlers.training_settings import object_settings
from monai_anomaly.losses import GuidedDiffusionLoss, HybridDiffusionLoss
from monai_anomaly.networks.nets import MaskDiffusionNet
from monai_anomaly.utils import DataError

LOSSES = {"tasks": GuidedDiffusionLoss, "masks": HybridDiffusionLoss}


def record(schedule: NoiseSchedule, max_level: int = 550, loss: str = "tasks", **training: Any) -> dict[str, Any]:
    """What is recorded of weights, as far as their noise goes."""
    batch = (NoisyPrepareBatch if loss == "tasks" else NoisyMaskPrepareBatch)(schedule, max_level=max_level)
    settings = object_settings("loss_function", LOSSES[loss](schedule)) | object_settings("prepare_batch", batch)
    return {"file": "model.pt", "training": {"settings": settings, "pretrained": None, **training}}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("schedule", [NoiseSchedule(), NoiseSchedule(250, "cosine")])
def test_weights_of_the_same_schedule_are_taken_in_silence(schedule: NoiseSchedule, loss: str) -> None:
    same = NoiseSchedule(schedule.num_train_timesteps, schedule.kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_schedule(record(schedule, 200, loss), same, level=200)


@pytest.mark.parametrize(
    ("other", "described"),
    [
        (NoiseSchedule(kind="cosine"), "T = 1000, cosine"),
        (NoiseSchedule(600), "T = 600, linear, betas 0.0001 to 0.02"),
        (NoiseSchedule(beta_end=0.021), "T = 1000, linear, betas 0.0001 to 0.021"),
    ],
)
def test_another_schedule_is_refused_and_both_are_named(other: NoiseSchedule, described: str) -> None:
    message = rf"model\.pt: .*\(T = 1000, linear, betas 0.0001 to 0.02\), found .* \({described}\)"
    with pytest.raises(DataError, match=message):
        check_schedule(record(other), NoiseSchedule())
    assert str(other) == described


def test_a_schedule_that_the_network_holds_is_recorded() -> None:
    network = MaskDiffusionNet(
        DiffusionModelUNet(2, 2, 1, 1, (8, 8), (False, False), norm_num_groups=8), NoiseSchedule()
    )
    settings = object_settings("network", network) | object_settings("optimizer", {"lr": 0.1})
    about = brief({"settings": settings})
    assert not any("denoiser" in place or "conv" in place for place in about["settings"])
    check_schedule({"file": "model.pt", "training": about}, NoiseSchedule())
    with pytest.raises(DataError, match="cosine"):
        check_schedule({"file": "model.pt", "training": about}, NoiseSchedule(kind="cosine"))


def test_a_record_that_tells_the_table_alone_is_compared() -> None:
    old = record(NoiseSchedule(600))
    old["training"]["settings"] = {
        place: value for place, value in old["training"]["settings"].items() if not place.endswith(("kind", "range"))
    }
    with pytest.raises(DataError, match=r"\(T = 600\)"):
        check_schedule(old, NoiseSchedule())


@pytest.mark.parametrize("training", [None, {}, {"settings": {}}])
def test_what_is_not_known_is_said(training: dict[str, Any] | None) -> None:
    with pytest.warns(UserWarning, match=r"model\.pt: it is not known which noise schedule"):
        check_schedule({"file": "model.pt", "training": training}, NoiseSchedule(), level=1000)
    assert trained_level({"file": "model.pt", "training": training}) is None


def test_levels_that_were_not_trained_are_said() -> None:
    assert trained_level(record(NoiseSchedule())) == 550
    with pytest.warns(UserWarning, match="trained up to noise level 550, and are used up to 600"):
        check_schedule(record(NoiseSchedule()), NoiseSchedule(), level=600)


def test_parts_that_were_taken_as_they_are_have_levels_of_their_own() -> None:
    later = record(NoiseSchedule(), 1000, pretrained={"file": "base.pt", "max_level": 550})
    assert trained_level(later) == 550
    assert trained_level(record(NoiseSchedule(), 400, pretrained={"file": "base.pt", "max_level": None})) == 400
    later["training"]["settings"]["prepare_batch.task_max_level"] = 300
    assert trained_level(later) == 300
