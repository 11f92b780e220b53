# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.networks.convert import convert_encoder
from monai_anomaly.networks.nets import NoiseConditionedEncoder
from monai_anomaly.utils import DataError

from . import guided_diffusion_names as names


def test_agrees_with_the_original(reference):
    tensors = reference("31_tiny_encoder_attention_pool")
    x, t, y, logits, gradient = (tensors[k] for k in ("x", "t", "y", "logits", "grad_logp"))
    state = {k[3:]: v for k, v in tensors.items() if k.startswith("sd/")}
    kwargs, weights = convert_encoder(state, num_head_channels=32)
    network = NoiseConditionedEncoder(**kwargs).double()
    network.load_state_dict(weights)
    found = network(x.requires_grad_(), t)
    torch.testing.assert_close(found, logits, rtol=0, atol=1e-6)
    (found_gradient,) = torch.autograd.grad(found.log_softmax(1).gather(1, y[:, None]).sum(), x)
    torch.testing.assert_close(found_gradient, gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("kwargs", "count"),
    [
        ({}, 5_452_962),
        ({"out": 1}, 5_452_833),
        ({"inp": 1}, 5_452_098),
        (
            {
                "inp": 3,
                "out": 1,
                "channels": (128, 128, 256, 384, 512),
                "attention": (False, False, True, True, True),
            },
            67_061_121,
        ),
    ],
)
def test_has_the_parameters_of_the_papers(kwargs, count):
    _, weights = convert_encoder(names.fill(names.encoder(**kwargs), "meta"), num_head_channels=64)
    assert sum(w.numel() for w in weights.values()) == count


@pytest.mark.parametrize("pool", ["attention", "adaptive"])
def test_keeps_every_number_once(pool):
    shapes = names.encoder(1, 3, (32, 64), 2, (False, True), pool=pool, grid=4)
    state = names.fill(shapes)
    kwargs, weights = convert_encoder({f"module.{k}": v for k, v in state.items()}, num_head_channels=32)
    NoiseConditionedEncoder(**kwargs).load_state_dict(weights)
    assert kwargs.get("input_size") == (8 if pool == "attention" else None)
    before, after = (torch.cat([v.flatten() for v in d.values()]).sort()[0] for d in (state, weights))
    torch.testing.assert_close(after, before, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("shapes", "head_channels", "message"),
    [
        (names.encoder(), None, r"does not tell the attention heads .* num_head_channels \(64 for the published"),
        (names.encoder(), 48, "the 64 channels of level 3 do not divide into heads of 48 channels"),
        (names.unet(), 64, "expected an encoder .* found a UNet"),
        (names.encoder(scale_shift=False), 64, "only encoders with scale-shift"),
        (names.encoder(updown=False), 64, "only encoders that halve in residual blocks"),
        (names.encoder(pool="spatial"), 64, "only the pools 'attention' and 'adaptive'"),
        (names.encoder() | {"extra": (2,)}, 64, r"unexpected tensors: \['extra'\]"),
        (names.encoder() | {"out.2.positional_embedding": (128, 61)}, 64, "positional_embedding: expected"),
        ({k: v for k, v in names.encoder().items() if k != "out.0.bias"}, 64, "missing tensor 'out.0.bias'"),
    ],
)
def test_refuses_what_does_not_fit(shapes, head_channels, message):
    with pytest.raises(DataError, match=message):
        convert_encoder(names.fill(shapes, "meta"), num_head_channels=head_channels)


def test_takes_the_depth_where_the_names_do_not_tell():
    state = names.fill(names.encoder(1, 2, (32, 32), 1, (False, False), pool="adaptive"))
    with pytest.raises(DataError, match="say which one"):
        convert_encoder(state, num_head_channels=32)
    kwargs, _ = convert_encoder(state, num_head_channels=32, num_res_blocks=1)
    assert kwargs["channels"] == [32, 32]
