# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.nets import VarAutoEncoder

from monai_anomaly.losses import VAELoss
from monai_anomaly.losses.constrained_vae import ConstrainedVAELoss
from monai_anomaly.networks.nets.constrained_vae import ConstrainedVAE


def outputs() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(0)
    x, reconstruction = torch.randn(2, 5, 2, 4, 6, generator=generator)
    return x, (reconstruction, *torch.randn(4, 5, 7, generator=generator))


@pytest.mark.parametrize("constraint", [0.5, 3.0])
def test_adds_the_square_distance_of_the_codes_per_number(constraint: float) -> None:
    x, pred = outputs()
    distances = [(a - b).norm().item() ** 2 / 7 for a, b in zip(pred[1], pred[4], strict=True)]
    expected = VAELoss(0.3)(pred, x).item() + constraint * sum(distances) / 5
    assert ConstrainedVAELoss(0.3, constraint)(pred, x).item() == pytest.approx(expected, rel=1e-5)


def test_without_weight_or_distance_it_is_the_vae_loss() -> None:
    x, pred = outputs()
    expected = VAELoss(0.3)(pred, x)
    assert ConstrainedVAELoss(0.3, 0.0)(pred, x) == expected
    assert ConstrainedVAELoss(0.3, 9.0)((*pred[:4], pred[1]), x) == expected


def test_refuses_a_network_that_does_not_encode_again() -> None:
    x, pred = outputs()
    with pytest.raises(ValueError, match="5 outputs of ConstrainedVAE, found 4"):
        ConstrainedVAELoss()(pred[:4], x)


def test_the_constraint_brings_the_codes_together() -> None:
    x = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def distance(constraint: float) -> float:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = ConstrainedVAE(VarAutoEncoder(2, (1, 8, 8), 1, 3, (4,), (2,), use_sigmoid=False))
            optimizer = torch.optim.Adam(network.parameters(), 0.01)
            for _ in range(40):
                optimizer.zero_grad()
                ConstrainedVAELoss(0.01, constraint)(network(x), x).backward()
                optimizer.step()
            mean, again = network.eval()(x)[1::3]
        return ((mean - again).square().mean() / mean.square().mean()).item()

    assert distance(1.0) < 0.7 * distance(0.0)
