# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
import torch
from monai.networks.nets import DiffusionModelUNet

from monai_anomaly.networks.convert import convert_unet
from monai_anomaly.utils import DataError

from . import guided_diffusion_names as names

TINY = {"inp": 1, "out": 2, "channels": (32, 64), "depth": 1, "attention": (False, True)}


@pytest.mark.parametrize(
    ("file", "heads"),
    [
        ("30_tiny_unet_2heads", {"num_heads": 2}),
        ("30_tiny_unet_2heads", {"num_head_channels": 32}),
        ("30b_tiny_unet_1head_same_weights", {"num_heads": 1}),
    ],
)
def test_agrees_with_the_original(reference, file, heads):
    tensors = reference("30_tiny_unet_2heads")
    kwargs, weights = convert_unet({k[3:]: v for k, v in tensors.items() if k.startswith("sd/")}, **heads)
    network = DiffusionModelUNet(**kwargs).double()
    network.load_state_dict(weights)
    with torch.no_grad():
        found = network(tensors["x"], tensors["t"], class_labels=tensors["y"])
    torch.testing.assert_close(found, reference(file)["out"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("kwargs", "count"),
    [
        ({}, 113_681_160),
        ({"inp": 1, "out": 2}, 113_670_786),
        ({"inp": 5, "out": 2, "classes": None}, 113_674_370),
        (
            {
                "inp": 3,
                "out": 6,
                "channels": (128, 128, 256, 384, 512),
                "attention": (False, False, False, True, False),
                "classes": None,
            },
            85_606_150,
        ),
    ],
)
def test_has_the_parameters_of_the_papers(kwargs, count):
    arguments, weights = convert_unet(names.fill(names.unet(**kwargs), "meta"), num_heads=1)
    assert sum(w.numel() for w in weights.values()) == count
    assert json.loads(json.dumps(arguments)) == arguments


@pytest.mark.parametrize("updown", [False, True])
def test_keeps_every_number_once(updown):
    state = names.fill(names.unet(**TINY, updown=updown))
    kwargs, weights = convert_unet({f"module.{k}": v.half() for k, v in state.items()}, num_heads=2)
    DiffusionModelUNet(**kwargs).load_state_dict(weights)
    assert {w.dtype for w in weights.values()} == {torch.float32}
    before, after = (torch.cat([v.float().flatten() for v in d.values()]).sort()[0] for d in (state, weights))
    torch.testing.assert_close(after, before.half().float(), rtol=0, atol=0)


@pytest.mark.parametrize("heads", [{}, {"num_heads": 0}, {"num_heads": 1, "num_head_channels": 32}])
def test_asks_for_the_heads(heads):
    with pytest.raises(DataError, match=r"does not tell the attention heads .* give either num_heads \(1 for the publ"):
        convert_unet(names.fill(names.unet(**TINY)), **heads)


@pytest.mark.parametrize("heads", [{"num_heads": 3}, {"num_head_channels": 48}, {"num_head_channels": 128}])
def test_refuses_heads_that_do_not_fit(heads):
    with pytest.raises(DataError, match="the 64 channels of level 1 do not divide into"):
        convert_unet(names.fill(names.unet(**TINY)), **heads)


def _damaged(name: str, shape: tuple[int, ...] | None, **kwargs) -> dict[str, torch.Tensor]:
    shapes = names.unet(**TINY | kwargs)
    if shape is None:
        del shapes[name]
    elif name:
        shapes[name] = shape
    return names.fill(shapes)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (_damaged("", (), scale_shift=True), "scale-shift normalization, which MONAI"),
        (names.fill(names.encoder(), "meta"), "expected a UNet .* found an encoder"),
        (_damaged("middle_block.1.norm.bias", None), "missing tensor 'middle_block.1.norm.bias'"),
        (_damaged("input_blocks.1.0.emb_layers.1.weight", None), "missing tensor 'input_blocks.1.0.emb"),
        (_damaged("extra.weight", (1,)), r"1 unexpected tensors: \['extra.weight'\]"),
        (
            _damaged("out.0.bias", (31,)),
            r"1 tensors do not fit the network: out.0.bias: expected \(32,\), found \(31,\)",
        ),
        (
            _damaged("middle_block.1.qkv.weight", (190, 64, 1)),
            r"middle_block.1.qkv.weight of shape \(190, 64\) does not",
        ),
        (_damaged("time_embed.0.weight", (128, 64)), r"time_embed.0.weight: expected \(128, 32\), found \(128, 64\)"),
    ],
)
def test_refuses_what_does_not_fit(state, message):
    with pytest.raises(DataError, match=message):
        convert_unet(state, num_heads=1)
