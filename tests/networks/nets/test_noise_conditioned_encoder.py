# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.nets.diffusion_model_unet import get_timestep_embedding

from monai_anomaly.networks.nets import NoiseConditionedEncoder
from tests.reference import STEP, load_reference

SMALL = {
    "channels": (8, 16, 16, 32),
    "num_res_blocks": 1,
    "attention_levels": (False, False, True, True),
    "num_head_channels": 8,
    "norm_num_groups": 4,
}


def small(pool: str = "attention", **kwargs) -> NoiseConditionedEncoder:
    torch.manual_seed(0)
    network = NoiseConditionedEncoder(in_channels=3, pool=pool, **({"input_size": 64} | SMALL | kwargs))
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.1)
    return network


@pytest.mark.parametrize(
    ("in_channels", "out_channels", "count"), [(4, 2, 5_452_962), (4, 1, 5_452_833), (1, 2, 5_452_098)]
)
def test_has_the_parameters_of_the_papers(in_channels, out_channels, count):
    with torch.device("meta"):
        network = NoiseConditionedEncoder(2, in_channels, out_channels)
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize("pool", ["attention", "adaptive", "local"])
@pytest.mark.parametrize("size", [(64, 64), (64, 72), (8, 16)])
def test_takes_any_size_that_the_levels_divide(pool, size):
    network = small(pool)
    logits = network(torch.randn(2, 3, *size), torch.tensor([0, 999]))
    assert logits.shape == (2, 2)
    assert logits.isfinite().all()


def test_works_in_3d():
    network = small("adaptive", spatial_dims=3)
    assert network(torch.randn(1, 3, 8, 8, 16), torch.tensor([4])).shape == (1, 2)


def test_a_fractional_timestep_is_not_rounded():
    network, x = small(), torch.randn(1, 3, 16, 16)
    at = {t: network(x, torch.tensor([t])) for t in (100.0, 100.5, 101.0)}
    assert torch.equal(at[100.0], network(x, torch.tensor([100])))
    assert all(not torch.allclose(at[100.5], at[t], rtol=0, atol=1e-6) for t in (100.0, 101.0))


def test_each_image_is_classified_alone():
    network, x, t = small(), torch.randn(3, 3, 16, 16), torch.tensor([1, 50, 700])
    alone = torch.cat([network(x[i : i + 1], t[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(network(x, t), alone, rtol=1e-4, atol=1e-5)


def test_has_a_second_derivative_and_traces():
    network, t = small().eval(), torch.tensor([7.0])
    x = torch.randn(1, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(x, t)[:, 0].sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), x)
    assert second.abs().max() > 0
    traced = torch.jit.trace(network, (x.detach(), t))
    y = torch.randn(2, 3, 32, 24)
    torch.testing.assert_close(traced(y, t.expand(2)), network(y, t.expand(2)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dimension", [128, 32, 33])
def test_timestep_embedding_is_that_of_the_original(dimension):
    reference = load_reference("12")
    embedding = get_timestep_embedding(reference["t"], dimension)
    torch.testing.assert_close(embedding, reference[f"emb{dimension}"], rtol=0, atol=STEP)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"pool": "spatial"}, "pool must be"),
        ({"spatial_dims": 3}, "attention pool is 2D"),
        ({"attention_levels": (True,)}, "4 levels in channels but 1"),
        ({"num_head_channels": 64}, "must be divisible"),
    ],
)
def test_refuses_a_wrong_construction(kwargs, message):
    with pytest.raises(ValueError, match=message):
        small(**kwargs)


def test_refuses_a_size_that_the_levels_do_not_divide():
    with pytest.raises(ValueError, match=r"multiples of 8, got \(64, 60\)"):
        small()(torch.randn(1, 3, 64, 60), torch.tensor([1]))
