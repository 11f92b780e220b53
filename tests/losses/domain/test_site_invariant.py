# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import CenterPointLoss, ClassLoss, LatentLoss, SiteInvariantLoss

from .toy import Toy, images, moved, targets

GIVEN = targets([0, 1, 0, 1], [0, 1, 2, 0], anchor=[0, 0, 1, 1])


def l2i(**weights: float) -> SiteInvariantLoss:
    return SiteInvariantLoss(
        {"class": ClassLoss(trains_encoder=False), "center": CenterPointLoss(), "latent": LatentLoss()}, weights
    )


def test_equation_1() -> None:
    output = Toy()(images(4))
    center, latent = CenterPointLoss()(output, GIVEN), LatentLoss()(output, GIVEN)
    expected = ClassLoss()(output, GIVEN) + 100 * center + 0.5 * latent
    torch.testing.assert_close(l2i(center=100, latent=0.5)(output, GIVEN), expected)


def test_each_part_learns_from_its_terms() -> None:
    """The gradient of the sum is that of center and latent for the encoder, of center for the centers alone."""

    def gradients(loss: torch.nn.Module) -> dict[str, torch.Tensor | None]:
        network = Toy()
        loss(network(images(4)), GIVEN).backward()
        return {name: parameter.grad for name, parameter in network.named_parameters()}

    whole = gradients(l2i(center=100))
    center = gradients(SiteInvariantLoss({"center": CenterPointLoss()}, {"center": 100}))
    own, latent = gradients(ClassLoss()), gradients(LatentLoss())
    torch.testing.assert_close(whole["centers"], center["centers"])
    torch.testing.assert_close(whole["classifier.weight"], own["classifier.weight"])
    assert center["encoder.weight"] is not None and latent["encoder.weight"] is not None
    torch.testing.assert_close(whole["encoder.weight"], center["encoder.weight"] + latent["encoder.weight"])


def test_a_term_of_weight_0_is_not_computed() -> None:
    class Never(torch.nn.Module):
        def forward(self, *args: object) -> torch.Tensor:
            raise AssertionError

    network = Toy()
    loss = SiteInvariantLoss({"never": Never()}, {"never": 0})(network(images(4)), GIVEN)
    loss.backward()
    assert loss.item() == 0 and not moved(network.encoder.weight)


@pytest.mark.parametrize("terms, weights", [({}, {}), ({"class": ClassLoss()}, {"clas": 2.0})])
def test_a_weight_needs_its_term(terms: dict[str, torch.nn.Module], weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        SiteInvariantLoss(terms, weights)
