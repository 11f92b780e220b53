# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What learns from the losses of a guide that ignores the site, in the network that it is trained in."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.networks.nets import DiffusionModelUNet

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.diffusion.guidance import ClassifierGuidance
from monai_anomaly.engines import NoisySitePrepareBatch
from monai_anomaly.losses import (
    CenterPointLoss,
    ClassLoss,
    GuidedDiffusionLoss,
    LatentLoss,
    SiteInvariantLoss,
    SiteInvariantTaskLoss,
)
from monai_anomaly.networks.nets import GuidedDiffusionNet, LatentCenterClassifier, NoiseConditionedEncoder
from monai_anomaly.utils import DataError

LEVELS: dict[str, Any] = {"channels": (8, 8), "attention_levels": (False, False), "num_res_blocks": 1}
LEVELS |= {"norm_num_groups": 8, "num_head_channels": 8}
TERMS = {"class": ClassLoss(trains_encoder=False), "center": CenterPointLoss(), "latent": LatentLoss()}
PARTS = ("diffusion", "classifier.encoder", "classifier.classifier", "classifier.centers")


def network(**options: Any) -> GuidedDiffusionNet:
    torch.manual_seed(0)
    encoder = NoiseConditionedEncoder(in_channels=1, out_channels=4, pool="adaptive", **LEVELS)
    guide = LatentCenterClassifier(encoder, latent_dim=4)
    made = GuidedDiffusionNet(DiffusionModelUNet(2, 1, 2, **LEVELS), classifier=guide, **options)
    for parameter in made.parameters():  # some begin as 0, and would hide a gradient
        torch.nn.init.normal_(parameter, std=0.1)
    return made


def noisy_batch() -> tuple:
    batch = {"image": torch.rand(6, 1, 8, 8), "label": torch.tensor([1, 0, 1, 0, 0, 1]), "site": list("BCBAAA")}
    return NoisySitePrepareBatch(["A", "B", "C"], "A", anchors=2, conditional=False)(batch)


@pytest.mark.parametrize(
    ("name", "learning"),
    [
        ("class", {"classifier.classifier"}),
        ("center", {"classifier.encoder", "classifier.centers"}),
        ("latent", {"classifier.encoder"}),
    ],
)
def test_each_term_teaches_the_parts_that_the_thesis_says_and_never_the_diffusion(name: str, learning: set) -> None:
    made = network(detailed="classifier")
    x, noisy, _, arguments = noisy_batch()
    SiteInvariantTaskLoss(SiteInvariantLoss({name: TERMS[name]}))(made(x, **arguments)["classifier"], noisy).backward()
    touched = {
        part
        for part in PARTS
        for key, parameter in made.named_parameters()
        if key.startswith(part) and parameter.grad is not None and bool(parameter.grad.any())
    }
    assert touched == learning


def test_the_sum_with_the_diffusion_loss_teaches_everything() -> None:
    made = network(detailed=["classifier"])
    x, noisy, _, arguments = noisy_batch()
    task = SiteInvariantTaskLoss(SiteInvariantLoss(TERMS), weight=2.0)
    found = made(x, **arguments)
    whole = GuidedDiffusionLoss(tasks={"classifier": task})(found, noisy)
    alone = GuidedDiffusionLoss(tasks={})({"diffusion": found["diffusion"]}, noisy)
    torch.testing.assert_close(
        whole - alone, 2 * SiteInvariantTaskLoss(SiteInvariantLoss(TERMS))(found["classifier"], noisy)
    )
    whole.backward()
    assert all(any(p.grad is not None for k, p in made.named_parameters() if k.startswith(part)) for part in PARTS)


def test_it_guides_as_any_classifier() -> None:
    made = network(detailed=["classifier"])
    x, timesteps = torch.rand(2, 1, 8, 8), torch.tensor([3, 30])
    expected = made.classifier(x, timesteps).log_softmax(1)[:, 0]
    guide = ClassifierGuidance(target=0).bind(made.classifier, NoiseSchedule())
    torch.testing.assert_close(guide.log_likelihood(x, timesteps), expected)
    assert made.classify(x).shape == (2, 2)


def test_what_is_missing_is_named() -> None:
    x, noisy, _, arguments = noisy_batch()
    loss = SiteInvariantTaskLoss(SiteInvariantLoss(TERMS))
    with pytest.raises(ValueError, match="name the task network in the argument detailed"):
        loss(network()(x, **arguments)["classifier"], noisy)
    details = network(detailed=["classifier"])(x, **arguments)["classifier"]
    noisy.targets.pop("site")
    with pytest.raises(DataError, match="found no site: NoisySitePrepareBatch"):
        loss(details, noisy)
    with pytest.raises(ValueError, match="detailed must name some of"):
        network(detailed=["size"])
