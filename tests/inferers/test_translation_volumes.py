# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch

from .tiny_guided import CHANNELS, TinyNet, images, inferer


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("options", [{}, {"encoding": "noise", "decoding": "ancestral"}])
def test_volume_is_its_slices(network: TinyNet, axis: int, options: dict[str, Any]) -> None:
    volume = images(1, CHANNELS, 6, 8, 10)
    result = inferer(slice_axis=axis, **options)(volume, network)
    slices = inferer(**options)(volume[0].movedim(axis + 1, 0), network)
    assert result["map"].shape == (1, 1, 6, 8, 10)
    found = {name: values[0].movedim(axis + 1, 0) for name, values in result.items()}
    torch.testing.assert_close(found, slices, atol=1e-5, rtol=1e-5)


def test_several_volumes_do_not_mix(network: TinyNet) -> None:
    volumes = images(2, CHANNELS, 8, 8, 3)
    both = inferer()(volumes, network)
    for i in range(2):
        one = {name: values[i : i + 1] for name, values in both.items()}
        torch.testing.assert_close(one, inferer()(volumes[i : i + 1], network), atol=1e-5, rtol=1e-5)


def test_slices_of_one_intensity_stay_unchanged(network: TinyNet) -> None:
    x = images(3, CHANNELS, 8, 8)
    x[1] = -1.0
    result = inferer()(x, network)
    assert not result["map"][1].any() and torch.equal(result["reconstruction"][1], x[1])
    assert result["map"][0].any() and result["map"][2].any()
    others = {name: values[[0, 2]] for name, values in result.items()}
    torch.testing.assert_close(others, inferer()(x[[0, 2]], network), atol=1e-5, rtol=1e-5)


def test_nothing_but_constant_slices_never_calls_the_network(network: TinyNet) -> None:
    result = inferer()(torch.zeros(1, CHANNELS, 8, 8, 4), network)
    assert not any(values.any() for values in result.values()) and network.diffusion.calls == 0


@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("options", [{}, {"encoding": "noise", "decoding": "ancestral"}, {"scale": (1.0, 4.0)}])
def test_slices_outside_the_range_stay_unchanged(network: TinyNet, axis: int, options: dict[str, Any]) -> None:
    volumes = images(2, CHANNELS, 8, 8, 8)
    whole, part = (
        {
            name: values.movedim(axis + 2, 0)
            for name, values in inferer(slice_axis=axis, slice_range=r, **options)(volumes, network).items()
        }
        for r in (None, [2, 5])
    )
    x = volumes.movedim(axis + 2, 0)
    for name, values in part.items():
        torch.testing.assert_close(values[2:5], whole[name][2:5], atol=1e-5, rtol=1e-5)
        for outside in (slice(0, 2), slice(5, 8)):
            if name.startswith("map"):
                assert not values[outside].any() and whole[name][outside].any()
            else:
                assert torch.equal(values[outside], x[outside])


def test_range_of_slices_is_cut_to_the_volume_and_ignores_2d_images(network: TinyNet) -> None:
    volume = images(1, CHANNELS, 8, 8, 4)
    assert inferer(slice_range=[2, 100])(volume, network)["map"][..., 2:].any()
    with pytest.warns(UserWarning, match="none of the volume's 4 slices"):
        assert not inferer(slice_range=[80, 129])(volume, network)["map"].any()
    assert inferer(slice_range=[80, 129])(volume[..., 0], network)["map"].any()
