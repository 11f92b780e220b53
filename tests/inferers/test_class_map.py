# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from monai.data import MetaTensor, decollate_batch
from torch import nn

from monai_anomaly.inferers import ClassMapInferer, LatentInferer
from monai_anomaly.inferers.grad_cam import grad_cam
from monai_anomaly.networks.blocks import FeatureStack
from monai_anomaly.networks.nets import InceptionResNetV1, LatentCenterClassifier, NoiseConditionedEncoder
from monai_anomaly.utils import DataError

POOLS = {2: nn.AvgPool2d, 3: nn.AvgPool3d}


class Spots(nn.Module):
    """Bright spots of channel 0 speak for class 0, of channel 1 for class 1; at a quarter of the size."""

    def __init__(self, dims: int, stack: type[nn.Sequential] = nn.Sequential) -> None:
        super().__init__()
        self.features = stack(POOLS[dims](4), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(x).flatten(2).mean(2) + 0.01


def spots(dims: int, stack: type[nn.Sequential] = nn.Sequential) -> LatentCenterClassifier:
    network = LatentCenterClassifier(Spots(dims, stack), latent_dim=2)
    network.classifier.weight.data = torch.eye(2)
    network.classifier.bias.data.zero_()
    return network


def image(dims: int, places: tuple[int, int], bright: tuple[float, float] = (1.0, 1.0)) -> torch.Tensor:
    """One spot of 4 voxels per axis in each channel, from the place on along every axis."""
    x = torch.zeros(1, 2, *[24] * dims)
    for channel, (place, value) in enumerate(zip(places, bright, strict=True)):
        x[(0, channel, *[slice(place, place + 4)] * dims)] = value
    return x


def resnet(padding: bool = True) -> LatentCenterClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = InceptionResNetV1(2, 1, 8, 0.125, (1, 1, 1), 16, padding)
        return LatentCenterClassifier(encoder, latent_dim=8).eval()


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("stack", [nn.Sequential, FeatureStack])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("target", [0, 1])
def test_finds_the_spot_of_the_class(target: int, dims: int, stack: type[nn.Sequential]) -> None:
    x = image(dims, (4, 16))
    found = ClassMapInferer(target=target)(x, spots(dims, stack))["map"]
    assert found.shape == (1, 1, *x.shape[2:])
    expected = torch.tensor([(4, 16)[target] + 1.5] * dims)
    places = torch.nonzero(found[0, 0] == found.max()).float()
    torch.testing.assert_close(places.mean(0), expected)
    wrong = tuple([0, 0] + [(16, 4)[target]] * dims)
    assert found.min() == 0 and found[wrong] == 0


def test_without_a_target_each_image_is_asked_for_the_class_it_is_called() -> None:
    x = torch.cat([image(2, (4, 16), (1.0, 0.2)), image(2, (4, 16), (0.2, 1.0))])
    found = ClassMapInferer()(x, spots(2))
    assert found["probability"].argmax(1).tolist() == [0, 1]
    for i in range(2):
        alone = ClassMapInferer(target=i)(x[i : i + 1], spots(2))["map"]
        torch.testing.assert_close(found["map"][i : i + 1], alone)
        assert found["map"][i].any()


def test_fields_are_those_of_the_latent_inferer() -> None:
    net, x = resnet(), images(3, 1, 40, 70)
    found, expected = ClassMapInferer()(x, net), LatentInferer()(x, net)
    assert {*found, "centers"} == {*expected, "probability", "map"}
    del expected["centers"]
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value.detach())
    torch.testing.assert_close(found["probability"], expected["logits"].detach().softmax(1))
    assert found["map"].shape == (3, 1, 40, 70) and found["map"].any()


@pytest.mark.parametrize("around", [nullcontext, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_same_with_and_without_gradients(around: type[AbstractContextManager[Any]], frozen: bool) -> None:
    net, x = resnet(), images(2, 1, 40, 40)
    expected = ClassMapInferer()(x, net)["map"]
    net.requires_grad_(not frozen)
    with around():
        found = ClassMapInferer()(x.clone(), net)
        assert torch.is_grad_enabled() == (around is nullcontext)
    assert torch.equal(found["map"], expected)
    assert not any(value.requires_grad for value in found.values()) and not x.requires_grad
    assert all(p.grad is None and p.requires_grad != frozen for p in net.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in net.modules())


def test_layers_before_the_map_keep_nothing_for_a_backward_pass() -> None:
    net, recorded = resnet(), []
    net.encoder.features[0].register_forward_hook(lambda module, args, output: recorded.append(output.requires_grad))
    ClassMapInferer()(images(1, 1, 40, 40), net)
    assert recorded == [False]


@pytest.mark.parametrize("padding", [False, True])
def test_a_map_lies_where_its_locations_look(padding: bool) -> None:
    net = resnet(padding)
    found = ClassMapInferer()(images(1, 1, 150, 110), net)["map"][0, 0]
    first, step = net.encoder.features.grid()
    rows = found[:, 50].diff()
    assert not rows[: int(first)].any()  # constant before the first location
    kinks = torch.nonzero(rows.diff().abs() > 1e-3 * found.max())[:, 0] + 1
    assert len(kinks) and all((int(kink) - first) % step == 0 for kink in kinks)


def test_of_a_layer_without_a_known_place_the_map_is_interpolated() -> None:
    net, x = spots(2), image(2, (4, 16))
    small = net.encoder.features(x)[:, :1]
    found = ClassMapInferer(target=0)(x, net)["map"]
    expected = nn.functional.interpolate(small, size=(24, 24), mode="bilinear", align_corners=False)
    torch.testing.assert_close(found / found.max(), expected / expected.max())


def test_a_finer_layer_gives_a_finer_map() -> None:
    net, x = resnet(), images(1, 1, 128, 128)
    rough, fine = (
        ClassMapInferer(layer, target=0)(x, net)["map"] for layer in ("encoder.features", "encoder.features.6")
    )
    assert len(fine.unique()) > len(rough.unique()) and fine.shape == rough.shape


def test_instance_normalization_behind_a_layer_needs_the_gradients_of_its_locations() -> None:
    """Of the stem the mean gradients are nothing but rounding; the last map has no such layer behind it."""
    net, x = resnet(padding=False), images(1, 1, 128, 128)
    layers = ("encoder.features.3", "encoder.features")
    pooled, single = (
        [float(ClassMapInferer(layer, target=0, weights=w)(x, net)["map"].max()) for layer in layers]
        for w in ("mean", "local")
    )
    assert pooled[0] < 1e-4 * single[0] and 1e-2 < pooled[1] / single[1] < 1e2


def test_gradients_of_locations_sum_to_a_linear_score() -> None:
    """Where the score is linear in the layer, what the locations have to do with it adds up to it."""
    x, net = images(1, 1, 24, 24), nn.Sequential(nn.AvgPool2d(4), nn.Flatten(2), nn.Linear(36, 2))
    net[2].bias.data.zero_()
    weights = net[2].weight.data[0]
    contributions = net[0](x)[0, 0].flatten() * weights

    def score() -> torch.Tensor:
        return net(x)[:, 0, 0]

    assert (contributions < 0).any() and (contributions > 0).any()
    torch.testing.assert_close(contributions.sum(), score()[0])
    found = grad_cam(net, "0", score, "local")
    torch.testing.assert_close(found[0, 0].flatten(), contributions.relu())
    torch.testing.assert_close(grad_cam(net, "0", score, "positive"), found)  # of one channel


def test_weights_above_zero_leave_out_what_speaks_against_the_class() -> None:
    """A channel with a negative weight takes nothing away from another one at the same place."""
    x, net = image(2, (4, 4)), spots(2)
    layer = "encoder.features"
    with_both = ClassMapInferer(layer, 0, "positive")(x, net)["map"]
    assert with_both[0, 0, 5, 5] > 2 * ClassMapInferer(layer, 0, "local")(x, net)["map"][0, 0, 5, 5]
    with pytest.raises(ValueError, match="largest"):
        ClassMapInferer(layer, 0, "largest")


def test_lower_precision() -> None:
    x = image(2, (4, 16))
    exact, rough = (ClassMapInferer(target=0, autocast=name)(x, spots(2))["map"] for name in (None, "bfloat16"))
    assert exact.any() and rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, atol=0.02 * float(exact.max()), rtol=0)


def test_guide_with_noise_levels() -> None:
    encoder = NoiseConditionedEncoder(2, 1, 8, (8, 8), 1, (False, False), 8, 8, pool="local")
    net, x = LatentCenterClassifier(encoder, latent_dim=8).eval(), images(2, 1, 16, 16)
    found = ClassMapInferer("encoder.out_norm")(x, net, torch.zeros(2))
    assert found["map"].shape == (2, 1, 16, 16)


@pytest.mark.parametrize("number", [1, 3])
def test_the_result_can_be_decollated(number: int) -> None:
    samples = decollate_batch(ClassMapInferer()(images(number, 1, 40, 40), resnet()))
    assert [sample["map"].shape for sample in samples] == [(1, 40, 40)] * number


def test_the_map_knows_the_geometry_of_the_image() -> None:
    x = MetaTensor(images(1, 1, 40, 40), affine=2 * torch.eye(4))
    found = ClassMapInferer()(x, resnet())
    assert isinstance(found["map"], MetaTensor) and torch.equal(found["map"].affine, x.affine)
    assert type(found["logits"]) is torch.Tensor


@pytest.mark.parametrize(
    ("layer", "error", "message"),
    [
        ("nowhere", AttributeError, "nowhere"),
        ("classifier", ValueError, "'classifier' gives none"),
        ("encoder.unused", ValueError, "'encoder.unused' runs 0 times"),
    ],
)
def test_layers_that_do_not_fit(layer: str, error: type[Exception], message: str) -> None:
    net = resnet()
    net.encoder.unused = nn.Conv2d(1, 1, 1)
    with pytest.raises(error, match=message):
        ClassMapInferer(layer)(images(1, 1, 40, 40), net)
    assert not any(m._forward_hooks for m in net.modules()) and torch.is_grad_enabled()


def test_bad_input() -> None:
    net, x = resnet(), images(1, 1, 40, 40)
    with pytest.raises(DataError, match="class 2 among those"):
        ClassMapInferer(target=2)(x, net)
    x[0, 0, 3, 3] = torch.nan
    with pytest.raises(DataError, match="images of finite values, found 1 that are NaN or infinite in image 0"):
        ClassMapInferer()(x, net)
    net.encoder.head[0].weight.data[0, 0] = torch.nan
    with pytest.raises(DataError, match="finite results"):
        ClassMapInferer()(x.nan_to_num(), net)
