# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from monai_anomaly.inferers import LogitEnsembleInferer


def output(mean: torch.Tensor, log_variance: float) -> torch.Tensor:
    return torch.cat([mean, torch.full_like(mean, log_variance)], dim=1)


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(x))
        return x


def test_without_variance_every_sample_is_the_probability() -> None:
    mean = images(3, 2, 6, 8)
    inferer = LogitEnsembleInferer(num_samples=4, keep_samples=True, regions=2)
    result = inferer(output(mean, -300.0), nn.Identity())
    torch.testing.assert_close(result["samples"], mean.sigmoid()[:, None].expand(-1, 4, -1, -1, -1))
    torch.testing.assert_close(result["variance"], torch.zeros_like(mean))


def test_thresholded_samples_are_lesion_as_often_as_the_logit_is_positive() -> None:
    mean = torch.full((1, 1, 40, 40), 1.0)
    mean[..., 0, 0] = 0.9  # a slice of one intensity would be left out
    result = LogitEnsembleInferer(num_samples=20, binarize=True)(output(mean, math.log(4.0)), nn.Identity())
    expected = 0.5 * (1 + math.erf(0.5 / math.sqrt(2)))  # P(1 + 2 eps > 0)
    assert result["mean"].mean().item() == pytest.approx(expected, abs=0.01)
    assert result["variance"].mean().item() == pytest.approx(expected * (1 - expected), abs=0.01)


@pytest.mark.parametrize("num_samples", [1, 5, 40])
def test_the_network_sees_each_slice_once(num_samples: int) -> None:
    network = Counting()
    LogitEnsembleInferer(num_samples=num_samples, batch_size=4)(images(6, 2, 5, 5), network)
    assert network.seen == [4, 2]


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_one_seed_is_one_result_whatever_the_batch_size(batch_size: int) -> None:
    volume = images(2, 2, 6, 8, 3)
    expected = LogitEnsembleInferer(num_samples=3)(volume, nn.Identity())
    result = LogitEnsembleInferer(num_samples=3, batch_size=batch_size)(volume, nn.Identity())
    torch.testing.assert_close(result, expected)
    other = LogitEnsembleInferer(seed=1, num_samples=3)(volume, nn.Identity())
    assert not torch.equal(other["mean"], expected["mean"])


def test_a_sample_does_not_depend_on_the_others() -> None:
    x, inferer = images(2, 4, 6, 8), LogitEnsembleInferer()
    part, whole = (inferer.draw(x, nn.Identity(), samples) for samples in (range(2, 4), range(5)))
    torch.testing.assert_close(part, whole[:, 2:4])
    assert not torch.equal(whole[:, 0], whole[:, 1])


def test_noise_can_be_given() -> None:
    """Without noise every sample is the sigmoid of the mean logit."""
    x = images(2, 4, 6, 8)
    inferer = LogitEnsembleInferer(lambda seeds: torch.zeros_like, num_samples=3, regions=2)
    found = inferer(x, nn.Identity())
    torch.testing.assert_close(found["mean"], x[:, :2].sigmoid())
    assert not found["variance"].any()


def test_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    LogitEnsembleInferer(num_samples=2)(images(1, 2, 5, 5), nn.Identity())
    assert torch.equal(torch.get_rng_state(), state)


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="a mean and a log-variance per region, found 3 channels"):
        LogitEnsembleInferer()(images(1, 3, 5, 5), nn.Identity())
    with pytest.raises(ValueError, match="seed must not be negative"):
        LogitEnsembleInferer(seed=-1)
