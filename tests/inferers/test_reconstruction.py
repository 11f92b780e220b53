# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.networks.nets import VarAutoEncoder
from torch import nn

from monai_anomaly.inferers import ReconstructionInferer


def autoencoder() -> VarAutoEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VarAutoEncoder(2, (2, 8, 12), 2, 4, (4, 8), (2, 2), use_sigmoid=False, use_mean_at_inference=True).eval()


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_perfect_reconstruction_gives_an_empty_map() -> None:
    x = images(2, 3, 5, 7)
    result = ReconstructionInferer()(x, nn.Identity())
    assert not result["map"].any() and torch.equal(result["reconstruction"], x)


def test_map_is_the_absolute_difference_over_the_range() -> None:
    x = MetaTensor(images(3, 2, 8, 12))
    network = autoencoder()
    result = ReconstructionInferer(data_range=4.0, batch_size=2)(x, network)
    reconstruction = network(x.as_tensor())[0].detach()
    assert not any(values.requires_grad for values in result.values())
    torch.testing.assert_close(result["reconstruction"].as_tensor(), reconstruction)
    expected = (x.as_tensor() - reconstruction).abs().sum(1, keepdim=True) / 4
    torch.testing.assert_close(result["map"].as_tensor(), expected)


def test_padding_is_cropped_again() -> None:
    sizes = []

    def network(x: torch.Tensor) -> torch.Tensor:
        sizes.append(x.shape[2:])
        return x + 1

    result = ReconstructionInferer(divisor=4)(images(1, 2, 5, 8), network)
    assert sizes == [(8, 8)] and result["reconstruction"].shape == (1, 2, 5, 8)
    torch.testing.assert_close(result["map"], torch.ones(1, 1, 5, 8))


@pytest.mark.parametrize("axis", [0, 2])
def test_volumes_are_taken_slice_by_slice(axis: int) -> None:
    network, inferer = autoencoder(), ReconstructionInferer(batch_size=3, slice_axis=axis)
    slices = images(2, 5, 2, 8, 12)  # (N, slices, C, H, W)
    volumes = slices.movedim(1, axis + 2)
    result = inferer(volumes, network)
    assert result["reconstruction"].shape == volumes.shape
    found = {name: values.movedim(axis + 2, 1).flatten(0, 1) for name, values in result.items()}
    torch.testing.assert_close(found, inferer(slices.flatten(0, 1), network))


def test_empty_slice_has_no_anomaly() -> None:
    x = images(3, 2, 8, 12)
    x[1] = -1
    result = ReconstructionInferer()(x, autoencoder())
    assert (result["reconstruction"][1] == -1).all()
    assert result["map"].flatten(1).any(1).tolist() == [True, False, True]
