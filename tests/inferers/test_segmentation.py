# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from monai_anomaly.inferers import SlicewiseSegmentationInferer


class Levels(SlicewiseSegmentationInferer):
    """Sample j is the first K channels of the image less a threshold of its own, as a step where ``binarize`` is."""

    def draw(self, x: torch.Tensor, network: Any, samples: range) -> torch.Tensor:
        self.sizes = [*getattr(self, "sizes", []), len(x) * len(samples)]
        return torch.stack([(x[:, : self.regions] - 0.1 * j).clamp(0, 1) for j in samples], dim=1)


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("binarize", [True, False])
def test_statistics_of_the_samples(binarize) -> None:
    x = images(3, 2, 8, 8)
    inferer = Levels(num_samples=4, regions=2, binarize=binarize, keep_samples=True)
    out = inferer(x, nn.Identity())
    samples = torch.stack([(x - 0.1 * j).clamp(0, 1) for j in range(4)], dim=1)
    samples = (samples > 0.5).float() if binarize else samples
    assert out.shape == (3, 2 * (3 + 4), 8, 8)
    torch.testing.assert_close(out[:, :2], samples.mean(1))
    torch.testing.assert_close(out[:, 2:4], samples.var(1, unbiased=True))
    assert torch.equal(out[:, 6:].unflatten(1, (4, 2)), samples)
    assert out[:, 4:6].min() >= 0 and out[:, 4:6].max() <= 1
    certain = out[:, :2].eq(0) | out[:, :2].eq(1)
    assert (out[:, 4:6][certain] == 0).all() and certain.any() == binarize


def test_one_sample_has_no_variance() -> None:
    out = Levels(binarize=False)(images(2, 1, 8, 8), nn.Identity())
    assert out.shape == (2, 3, 8, 8) and torch.equal(out[:, 1], torch.zeros(2, 8, 8)) and out[:, 2].max() > 0.9


@pytest.mark.parametrize("batch_size", [1, 3, 4, 9, 64])
def test_batch_size_bounds_the_network_inputs_and_changes_nothing(batch_size) -> None:
    x = images(5, 1, 8, 8)
    expected = Levels(num_samples=4, batch_size=1000, keep_samples=True)(x, nn.Identity())
    inferer = Levels(num_samples=4, batch_size=batch_size, keep_samples=True)
    assert torch.equal(inferer(x, nn.Identity()), expected)
    assert max(inferer.sizes) <= batch_size and sum(inferer.sizes) == 20


def test_volume_is_its_slices() -> None:
    x = images(2, 1, 7, 6, 3)
    inferer = Levels(num_samples=2, divisor=4)
    out = inferer(x, nn.Identity())
    assert out.shape == (2, 3, 7, 6, 3)
    for z in range(3):
        assert torch.equal(out[..., z], inferer(x[..., z], nn.Identity()))


def test_slices_left_out_are_empty() -> None:
    x = images(1, 1, 8, 8, 4)
    x[..., 2] = 0.9
    out = Levels(slice_range=[1, 4])(x, nn.Identity())
    assert out[..., 0].abs().max() == 0 and out[..., 2].abs().max() == 0
    assert out[..., 1].max() == 1 and out[..., 3].max() == 1


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="num_samples must be at least 1, got 0"):
        Levels(num_samples=0)
    with pytest.raises(ValueError, match="regions must be at least 1"):
        Levels(regions=0)
    with pytest.raises(ValueError, match=r"expected 1 sample\(s\) of 3 region\(s\), the network gives \(1, 2\)"):
        Levels(regions=3)(images(1, 2, 4, 4), nn.Identity())
