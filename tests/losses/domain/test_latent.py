# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import LatentLoss

from .toy import DIM, Toy, images, learning, targets, unit


def test_equation_3() -> None:
    """Of all images but the anchor, which is at the center of the other class."""
    output = {"latent": unit(60, 5, 180), "centers": unit(0, 180)}
    given = targets([0, 0, 0], [1, 2, 0], anchor=[0, 0, 1])
    torch.testing.assert_close(LatentLoss()(output, given), torch.tensor((0.9**2 + 0) / 2))


def test_a_batch_of_anchors_costs_nothing() -> None:
    output = {"latent": unit(60), "centers": unit(0)}
    assert LatentLoss()(output, targets([0], [0], anchor=[1])).item() == 0


def test_a_rotation_of_the_latent_space_changes_nothing() -> None:
    output, given = Toy()(images(4)), targets([0, 1, 1, 0], [0, 1, 2, 1])
    rotation = torch.linalg.qr(torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(0)))[0]
    turned = {name: output[name] @ rotation for name in ("latent", "centers")}
    torch.testing.assert_close(LatentLoss()(turned, given), LatentLoss()(output, given))


def test_the_encoder_alone_learns() -> None:
    assert learning(LatentLoss(), targets([0, 1, 0], [0, 1, 2])) == {"encoder"}


def test_a_negative_radius_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        LatentLoss(-0.1)
