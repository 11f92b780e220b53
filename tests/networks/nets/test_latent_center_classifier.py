# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from monai_anomaly.diffusion import ClassifierGuidance, NoiseSchedule
from monai_anomaly.networks.nets import InceptionResNetV1, LatentCenterClassifier, NoiseConditionedEncoder


def network(classes: int = 2, centers: str = "learned", seed: int = 0) -> LatentCenterClassifier:
    """With an encoder of 2D images of 2 x 3 pixels to 8 numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LatentCenterClassifier(nn.Sequential(nn.Flatten(), nn.Linear(6, 8)), 8, classes, centers)


def guide() -> LatentCenterClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = NoiseConditionedEncoder(2, 1, 8, (8, 8), 1, (False, False), 8, 8, pool="local")
        net = LatentCenterClassifier(encoder, latent_dim=8)
        for parameter in net.parameters():  # zero-initialized branches would hide mistakes
            parameter.data.add_(0.1 * torch.randn_like(parameter))
        return net


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def reached(net: LatentCenterClassifier, value: torch.Tensor) -> set[str]:
    """The parts of the network that get gradients."""
    net.zero_grad()
    value.square().sum().backward()
    parts = {"E": net.encoder, "C": net.classifier}
    found = {k for k, part in parts.items() if any(p.grad is not None and p.grad.any() for p in part.parameters())}
    return found | ({"O"} if net.centers.grad is not None and net.centers.grad.any() else set())


def test_parameters_of_the_thesis() -> None:
    with torch.device("meta"):
        net = LatentCenterClassifier(InceptionResNetV1())
    assert sum(p.numel() for p in net.parameters()) == 36_431_842


def test_latents_and_centers_have_length_1() -> None:
    net = network()
    net.centers.data.mul_(3)
    found = net(50 * images(5, 1, 2, 3), details=True)
    torch.testing.assert_close(found["latent"].norm(dim=1), torch.ones(5))
    torch.testing.assert_close(found["centers"].norm(dim=1), torch.ones(2))


def test_logits_are_those_of_the_latent() -> None:
    net, x = network(3), images(4, 1, 2, 3)
    found = net(x, details=True)
    assert set(found) == {"logits", "detached_logits", "latent", "centers"}
    torch.testing.assert_close(found["logits"], net.classifier(found["latent"]))
    assert torch.equal(net(x), found["logits"]) and torch.equal(found["detached_logits"], found["logits"])


def test_where_gradients_go() -> None:
    """Eq. 1 of the thesis routes each loss to its own parameters."""
    net, x = network(), images(4, 1, 2, 3)
    assert reached(net, net(x)) == {"E", "C"}
    assert reached(net, net(x, details=True)["detached_logits"]) == {"C"}
    found = net(x, details=True)
    assert reached(net, found["latent"] - found["centers"][0]) == {"E", "O"}
    assert reached(net, net(x, details=True)["latent"] - net(x, details=True)["centers"][0].detach()) == {"E"}


@pytest.mark.parametrize("classes", [2, 3, 8])
def test_centers_start_as_far_apart_as_can_be(classes: int) -> None:
    centers = network(classes).centers
    torch.testing.assert_close(centers.norm(dim=1), torch.ones(classes))
    expected = torch.full((classes, classes), -1 / (classes - 1)).fill_diagonal_(1)
    torch.testing.assert_close(centers @ centers.t(), expected, atol=1e-5, rtol=0)
    assert not torch.allclose(centers, network(classes, seed=1).centers)


def test_fixed_centers_are_no_parameters() -> None:
    net = network(centers="fixed")
    torch.testing.assert_close(net.centers, torch.tensor([[8**-0.5] * 8, [-(8**-0.5)] * 8]))
    assert "centers" in net.state_dict() and "centers" not in dict(net.named_parameters())
    assert not net(images(2, 1, 2, 3), details=True)["centers"].requires_grad
    assert "centers" in dict(network().named_parameters())


def test_length_1_in_low_precision() -> None:
    net, x = network(), images(5, 1, 2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        found = net(x, details=True)
    assert found["latent"].dtype == torch.float32
    torch.testing.assert_close(found["latent"].norm(dim=1), torch.ones(5))
    assert net.bfloat16()(x.bfloat16()).dtype == torch.bfloat16
    assert net.double()(x.double(), details=True)["latent"].dtype == torch.float64


@pytest.mark.parametrize("by_name", [False, True])
def test_an_encoder_is_given_the_noise_levels(by_name: bool) -> None:
    net, x = guide(), images(2, 1, 8, 8)
    results = [net(x, timesteps=t) if by_name else net(x, t) for t in (torch.zeros(2), torch.full((2,), 900))]
    assert results[0].shape == (2, 2) and not torch.allclose(*results)


def test_guides_a_diffusion() -> None:
    net, x = guide(), images(2, 1, 8, 8)
    guidance = ClassifierGuidance(target=0).bind(net, NoiseSchedule())
    likelihood = guidance.log_likelihood(x.requires_grad_(), torch.tensor([3, 3]))
    (gradient,) = torch.autograd.grad(likelihood.sum(), x)
    assert gradient.isfinite().all() and gradient.any()


def test_exports() -> None:
    encoder = InceptionResNetV1(2, 1, 8, 0.125, (1, 1, 1), 16, padding=True)
    net, x = LatentCenterClassifier(encoder, latent_dim=8).eval(), images(2, 1, 40, 48)
    torch.testing.assert_close(torch.jit.trace(net, x)(x), net(x))
    torch.testing.assert_close(torch.export.export(net, (x,)).module()(x), net(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, r"must be 2 to latent_dim \(8\), got 1"),
        ({"num_classes": 9}, r"must be 2 to latent_dim \(8\), got 9"),
        ({"num_classes": 3, "centers": "fixed"}, "those of 2 classes, got 3"),
        ({"centers": "learnt"}, "centers must be one of .*, got 'learnt'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatentCenterClassifier(nn.Linear(6, 8), latent_dim=8, **arguments)


@pytest.mark.parametrize("encoder", [nn.Conv2d(1, 8, 1), nn.Sequential(nn.Flatten(), nn.Linear(6, 7))])
def test_an_encoder_that_does_not_fit(encoder: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, 8\) of the encoder, found \(2, "):
        LatentCenterClassifier(encoder, latent_dim=8)(images(2, 1, 2, 3))
