# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from monai_anomaly.diffusion import ClassifierGuidance, NoiseSchedule
from monai_anomaly.engines import NoisyPrepareBatch
from monai_anomaly.losses import ClassificationLoss
from monai_anomaly.networks.nets import ClassifierEnsemble

TINY: dict[str, Any] = {
    "in_channels": 1,
    "channels": (8, 8),
    "num_res_blocks": 1,
    "attention_levels": (False, False),
    "num_head_channels": 8,
    "norm_num_groups": 8,
    "pool": "local",
}


@pytest.fixture
def ensemble() -> ClassifierEnsemble:
    torch.manual_seed(0)
    return ClassifierEnsemble(members=3, **TINY)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 10, 100, 400])


def test_the_answer_is_the_mean_of_members_that_differ(ensemble: ClassifierEnsemble) -> None:
    x, t = batch()
    each = torch.stack([member(x, t).log_softmax(1) for member in ensemble.members])
    torch.testing.assert_close(ensemble(x, t), each.mean(0))
    assert each.std(0).min() > 1e-4


def test_its_loss_trains_each_member_by_itself(ensemble: ClassifierEnsemble) -> None:
    x, t = batch()
    labels = torch.tensor([0, 1, 1, 0])
    noisy = NoisyPrepareBatch()({"image": x, "label": labels})[1]
    loss = ClassificationLoss()(ensemble(x, t, details=True), noisy)
    alone = [F.cross_entropy(member(x, t), labels) for member in ensemble.members]
    torch.testing.assert_close(loss, torch.stack(alone).mean())
    weight = ensemble.members[1].conv_in.conv.weight
    (gradient,) = torch.autograd.grad(loss, weight, retain_graph=True)
    torch.testing.assert_close(gradient, torch.autograd.grad(alone[1], weight)[0] / 3)


def test_a_guide_of_equal_members_is_that_of_one(ensemble: ClassifierEnsemble) -> None:
    for member in ensemble.members[1:]:
        member.load_state_dict(ensemble.members[0].state_dict())
    x, schedule = batch()[0], NoiseSchedule()
    terms = [ClassifierGuidance(scale=5.0).bind(net, schedule)(x, 200) for net in (ensemble, ensemble.members[0])]
    torch.testing.assert_close(*terms)


def test_an_ensemble_has_members_and_classes() -> None:
    assert ClassifierEnsemble(members=1, **TINY).stride == 2
    with pytest.raises(ValueError, match="members must be at least 1, got 0"):
        ClassifierEnsemble(members=0, **TINY)
    with pytest.raises(ValueError, match="out_channels must be at least 2"):
        ClassifierEnsemble(out_channels=1, **TINY)
