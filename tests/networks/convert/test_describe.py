# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_anomaly.networks.convert import detect
from monai_anomaly.utils import DataError

from . import guided_diffusion_names as names


def test_describes_the_published_networks():
    unet = detect(names.fill(names.unet(), "meta"))
    assert (unet.kind, unet.in_channels, unet.out_channels, unet.num_classes) == ("unet", 4, 8, 2)
    assert (unet.channels, unet.num_res_blocks) == ((128, 128, 256, 256, 512, 512), 2)
    assert unet.attention_levels == (False, False, False, False, True, False)
    assert (unet.scale_shift, unet.resblock_updown, unet.pool, unet.input_size) == (False, False, None, None)
    encoder = detect(names.fill(names.encoder(), "meta"))
    assert (encoder.kind, encoder.in_channels, encoder.out_channels, encoder.num_classes) == ("encoder", 4, 2, None)
    assert (encoder.channels, encoder.num_res_blocks) == ((32, 32, 64, 64, 128, 128), 4)
    assert encoder.attention_levels == (False, False, False, True, True, True)
    assert (encoder.scale_shift, encoder.resblock_updown) == (True, True)
    assert (encoder.pool, encoder.input_size) == ("attention", 256)


@pytest.mark.parametrize("updown", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("channels", [(32, 64), (32, 32, 32), (32, 64, 64, 96)])
@pytest.mark.parametrize("last", [False, True])
def test_finds_the_levels_of_any_unet(channels, depth, updown, last):
    """Also where they change in residual blocks, which bear no mark, at equal channels and without attention."""
    attention = (False,) * (len(channels) - 1) + (last,)
    shapes = names.unet(1, 1, channels, depth, attention, None, False, updown)
    network = detect(names.fill(shapes, "meta"))
    assert (network.channels, network.num_res_blocks, network.attention_levels) == (channels, depth, attention)
    assert network.resblock_updown == updown
    assert network.num_classes is None


@pytest.mark.parametrize("pool", ["attention", "adaptive", "spatial"])
def test_finds_the_head_of_an_encoder(pool):
    network = detect(names.fill(names.encoder(out=5, pool=pool), "meta"))
    assert (network.pool, network.out_channels) == (pool, 5)
    assert network.input_size == (256 if pool == "attention" else None)


def test_strips_the_prefix_of_data_parallel():
    state = names.fill(names.encoder(), "meta")
    assert detect({f"module.{k}": v for k, v in state.items()}) == detect(state)


def test_asks_where_the_levels_are_ambiguous():
    shapes = names.encoder(channels=(32, 32, 32, 32), depth=1, attention=(False,) * 4)
    state = names.fill(shapes, "meta")
    with pytest.raises(DataError, match=r"allow num_res_blocks of \[1, 3, 7\]; say which one"):
        detect(state)
    assert detect(state, num_res_blocks=1).channels == (32,) * 4
    with pytest.raises(DataError, match="do not divide into equal levels of 2 residual blocks"):
        detect(state, num_res_blocks=2)


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        ("input_blocks.0.0.weight", "missing tensor 'input_blocks.0.0.weight'"),
        ("input_blocks.2.0.in_layers.2.weight", "missing tensor 'input_blocks.2.0.in_layers.2.weight'"),
        ("input_blocks.3.0.op.weight", "missing tensor 'input_blocks.3.0.in_layers.2.weight'"),
        ("input_blocks.13.1.qkv.weight", "do not divide into equal levels"),
        ("out.2.weight", "missing tensor 'out.2.weight'"),
    ],
)
def test_refuses_a_damaged_checkpoint(remove, message):
    state = names.fill(names.unet(), "meta")
    del state[remove]
    with pytest.raises(DataError, match=message):
        detect(state)


def test_refuses_other_networks():
    with pytest.raises(DataError, match=r"expected a guided-diffusion network .* found names like \['conv.bias"):
        detect({"conv.weight": names.fill({"a": (1,)})["a"], "conv.bias": names.fill({"a": (1,)})["a"]})
