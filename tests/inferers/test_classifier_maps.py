# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from monai_anomaly.inferers import GradCAMInferer, SaliencyMapInferer, SlicewiseMapInferer
from monai_anomaly.networks.nets import NoiseConditionedEncoder


class Linear(nn.Module):
    """Logits linear in the image."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)  # (classes, C, H, W)

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        assert timesteps.shape == x.shape[:1] and not timesteps.any()
        return torch.einsum("nchw,kchw->nk", x, self.weight)


class Spots(nn.Module):
    """Finds bright pixels of channel 0 (they speak for class 1) and of channel 1 (for class 0), at half the size."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.AvgPool2d(2), nn.ReLU(inplace=True))

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return self.features(x).mean((2, 3)).flip(1)


def network(classifier: nn.Module) -> SimpleNamespace:
    return SimpleNamespace(classifier=classifier.eval())


def encoder() -> SimpleNamespace:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = NoiseConditionedEncoder(2, 2, 3, (8, 16), 1, (False, False), 8, 8, pool="local")
        for parameter in net.parameters():  # zero-initialized branches would hide mistakes
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    return network(net)


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_saliency_of_a_linear_classifier_is_its_weight() -> None:
    weight = images(2, 3, 4, 6)
    result = SaliencyMapInferer()(images(5, 3, 4, 6), network(Linear(weight)))["map"]
    expected = (weight[1] - weight[0]).abs().sum(0)
    torch.testing.assert_close(result, expected.expand(5, 1, 4, 6))


def test_saliency_is_the_gradient_of_the_log_odds() -> None:
    net, x = encoder(), images(4, 2, 8, 8).requires_grad_()
    p = net.classifier(x, timesteps=torch.zeros(4)).softmax(1)[:, 2]
    (gradient,) = torch.autograd.grad((p / (1 - p)).log().sum(), x)
    result = SaliencyMapInferer(target=2, batch_size=3)(x.detach(), net)["map"]
    torch.testing.assert_close(result, gradient.abs().sum(1, keepdim=True))


def test_saliency_of_an_edge_counts_what_repeats_it() -> None:
    weight = images(2, 1, 8, 8)
    found = SaliencyMapInferer(divisor=8)(images(1, 1, 7, 6), network(Linear(weight)))["map"]
    slope = (weight[1] - weight[0])[0]
    slope[:, 5] += slope[:, 6:].sum(1)  # the columns that repeat the last
    slope[6] += slope[7]
    torch.testing.assert_close(found[0, 0], slope[:7, :6].abs())


def test_saliency_in_inference_mode() -> None:
    net, x = encoder(), images(1, 2, 8, 8)
    expected = SaliencyMapInferer()(x, net)["map"]
    with torch.inference_mode():
        found = SaliencyMapInferer()(x * 1, net)["map"]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("target", "place"), [(1, (4, 10)), (0, (10, 2))])
def test_gradcam_finds_the_spot_of_its_class(target: int, place: tuple[int, int]) -> None:
    x = torch.zeros(1, 2, 14, 14)
    x[0, 0, 4:6, 10:12] = 1
    x[0, 1, 10:12, 2:4] = 1
    result = GradCAMInferer("features", target)(x, network(Spots()))["map"]
    assert result.shape == (1, 1, 14, 14)
    peak = divmod(int(result.argmax()), 14)
    assert all(0 <= found - first <= 1 for found, first in zip(peak, place, strict=True))
    assert (result > 0).sum() <= 36  # the other class' spot is not in it


def test_gradcam_is_the_formula() -> None:
    net, x = encoder(), images(3, 2, 8, 8)
    features: list[torch.Tensor] = []
    hook = net.classifier.out_norm.register_forward_hook(lambda m, a, out: features.append(out))
    logits = net.classifier(x, timesteps=torch.zeros(3))
    hook.remove()
    odds = (logits[:, 1] - logits[:, [0, 2]].logsumexp(1)).sum()
    (gradient,) = torch.autograd.grad(odds, features[0])
    small = torch.einsum("nk,nkhw->nhw", gradient.mean((2, 3)), features[0]).clamp(min=0)[:, None]
    expected = nn.functional.interpolate(small, (8, 8), mode="bilinear")
    assert expected.any()
    torch.testing.assert_close(GradCAMInferer()(x, net)["map"], expected.detach())


@pytest.mark.parametrize("inferer", [SaliencyMapInferer(batch_size=3), GradCAMInferer(batch_size=3)])
class TestBoth:
    def test_network_is_left_as_it_was(self, inferer: SlicewiseMapInferer) -> None:
        net = encoder()
        inferer(images(2, 2, 8, 8), net)
        assert all(p.grad is None and p.requires_grad for p in net.classifier.parameters())
        assert not any(m._forward_hooks or m._backward_hooks for m in net.classifier.modules())

    def test_frozen_network_without_gradients(self, inferer: SlicewiseMapInferer) -> None:
        net, x = encoder(), images(2, 2, 8, 8)
        expected = inferer(x, net)["map"]
        net.classifier.requires_grad_(False)
        with torch.no_grad():
            result = inferer(x, net)["map"]
        assert torch.equal(result, expected) and result.any() and not result.requires_grad and not x.requires_grad

    def test_volumes_are_taken_slice_by_slice(self, inferer: SlicewiseMapInferer) -> None:
        net, volumes = encoder(), images(2, 2, 8, 6, 5)
        result = inferer(volumes, net)["map"]
        assert result.shape == (2, 1, 8, 6, 5)
        for i in range(5):
            torch.testing.assert_close(result[..., i], inferer(volumes[..., i], net)["map"])

    def test_empty_slice_has_no_anomaly(self, inferer: SlicewiseMapInferer) -> None:
        x = images(2, 2, 8, 8)
        x[0] = -1
        result = inferer(x, encoder())["map"]
        assert not result[0].any() and result[1].any()


def test_hook_goes_when_the_network_fails() -> None:
    net = encoder()
    with pytest.raises(ValueError, match="multiples of 2"):
        GradCAMInferer()(images(1, 2, 7, 8), net)
    assert not net.classifier.out_norm._forward_hooks


def test_unknown_layer() -> None:
    with pytest.raises(AttributeError, match="nowhere"):
        GradCAMInferer("nowhere")(images(1, 2, 8, 8), encoder())
