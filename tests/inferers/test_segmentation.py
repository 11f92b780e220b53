# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from monai_anomaly.inferers import SlicewiseSegmentationInferer


class Levels(SlicewiseSegmentationInferer):
    """Sample j is the first K channels of the image minus a threshold of its own, as a step where ``binarize`` is
    true."""

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
    assert tuple(out) == inferer.fields == ("mean", "variance", "entropy", "samples")
    torch.testing.assert_close(out["mean"], samples.mean(1))
    torch.testing.assert_close(out["variance"], samples.var(1, unbiased=True))
    assert torch.equal(out["samples"], samples)
    assert out["entropy"].min() >= 0 and out["entropy"].max() <= 1
    certain = out["mean"].eq(0) | out["mean"].eq(1)
    assert (out["entropy"][certain] == 0).all() and certain.any() == binarize


def test_one_sample_has_no_variance() -> None:
    out = Levels()(images(2, 1, 8, 8), nn.Identity())
    assert tuple(out) == ("mean", "variance", "entropy")
    assert torch.equal(out["variance"], torch.zeros(2, 1, 8, 8)) and out["entropy"].max() > 0.9


@pytest.mark.parametrize("batch_size", [1, 3, 4, 9, 64])
def test_batch_size_bounds_the_network_inputs_and_changes_nothing(batch_size) -> None:
    x = images(5, 1, 8, 8)
    expected = Levels(num_samples=4, batch_size=1000, keep_samples=True)(x, nn.Identity())
    inferer = Levels(num_samples=4, batch_size=batch_size, keep_samples=True)
    torch.testing.assert_close(inferer(x, nn.Identity()), expected, rtol=0, atol=0)
    assert max(inferer.sizes) <= batch_size and sum(inferer.sizes) == 20


@pytest.mark.parametrize("axis", [0, 2])
def test_volume_is_its_slices(axis: int) -> None:
    x = images(2, 2, 7, 6, 3)
    inferer = Levels(num_samples=4, regions=2, divisor=4, keep_samples=True, slice_axis=axis)
    out = inferer(x, nn.Identity())
    assert out["mean"].shape == (2, 2, 7, 6, 3) and out["samples"].shape == (2, 4, 2, 7, 6, 3)
    for i in range(x.shape[axis + 2]):
        found = {name: values.select(axis - 3, i) for name, values in out.items()}
        torch.testing.assert_close(found, inferer(x.select(axis + 2, i), nn.Identity()), rtol=0, atol=0)


def test_slices_left_out_are_empty() -> None:
    x = images(1, 1, 8, 8, 4)
    x[..., 2] = 0.9
    out = Levels(slice_range=[1, 4], keep_samples=True, binarize=True)(x, nn.Identity())
    for values in out.values():
        assert not values[..., [0, 2]].any()
    assert out["mean"][..., 1].max() == 1 and out["mean"][..., 3].max() == 1


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="num_samples must be at least 1, got 0"):
        Levels(num_samples=0)
    with pytest.raises(ValueError, match="regions must be at least 1"):
        Levels(regions=0)
    with pytest.raises(ValueError, match=r"expected 1 sample\(s\) of 3 region\(s\), the network gives \(1, 2\)"):
        Levels(regions=3)(images(1, 2, 4, 4), nn.Identity())
