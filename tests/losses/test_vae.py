# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from monai_anomaly.losses import VAELoss


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_equals_the_bound_of_torch_distributions(beta: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x, reconstruction = torch.randn(2, 5, 2, 4, 6, generator=generator)
    mean, log_variance = torch.randn(2, 5, 7, generator=generator)
    prior, posterior = Normal(torch.tensor(0.0), torch.tensor(1.0)), Normal(mean, (log_variance / 2).exp())
    likelihood = Normal(reconstruction, 1.0).log_prob(x) - Normal(0.0, 1.0).log_prob(torch.tensor(0.0))
    bound = likelihood.flatten(1).sum(1) - beta * kl_divergence(posterior, prior).sum(1)
    loss = VAELoss(beta)((reconstruction, mean, log_variance, mean), x)
    assert loss.item() == pytest.approx((-bound.mean() / (2 * 4 * 6)).item(), rel=1e-5)


def test_nothing_to_lose() -> None:
    x = torch.rand(3, 1, 4, 4)
    assert VAELoss()((x, torch.zeros(3, 2), torch.zeros(3, 2)), x).item() == 0
