# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from torch import nn

from monai_anomaly.inferers import GANTranslationInferer
from monai_anomaly.networks.nets import DeScarGANGenerator, TranslationGAN
from monai_anomaly.networks.nets.deforming_generator import Deformation
from tests.networks.nets.test_descargan_generator import PUBLISHED


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def gan(**options: Any) -> TranslationGAN:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = DeScarGANGenerator(channels=(2, 4, 4, 4), **options)
        network = TranslationGAN(generator, nn.Identity())
        generator(torch.randn(4, options.get("in_channels", 1), 16, 16), torch.tensor([0, 1, 0, 1]))  # moves statistics
    return network.eval()


class Shift(nn.Module):
    """Adds 0.5 and the class, and keeps the sizes it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.sizes.append(tuple(x.shape))
        return x + 0.5 + target.reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("target", [0, 1])
def test_map_and_reconstruction(target: int) -> None:
    x = MetaTensor(images(3, 2, 8, 16))
    result = GANTranslationInferer(target=target, data_range=4.0)(x, TranslationGAN(Shift(), nn.Identity()))
    torch.testing.assert_close(result["reconstruction"].as_tensor(), x.as_tensor() + 0.5 + target)
    torch.testing.assert_close(result["map"].as_tensor(), torch.full((3, 1, 8, 16), 2 * (0.5 + target) / 4))


def test_map_is_that_of_the_network() -> None:
    network, x = gan(in_channels=2), images(3, 2, 8, 16)
    result = GANTranslationInferer(data_range=1.0)(x, network)
    torch.testing.assert_close(result["map"], network(x).detach())


@pytest.mark.parametrize(("statistics", "calls"), [("running", [2, 2, 1]), ("image", [1] * 5)])
def test_images_at_a_time_and_padding(statistics: str, calls: list[int]) -> None:
    network = TranslationGAN(Shift(), nn.Identity())
    result = GANTranslationInferer(statistics=statistics, batch_size=2)(images(5, 1, 5, 12), network)
    assert network.generator.sizes == [(n, 1, 8, 16) for n in calls] and result["map"].shape == (5, 1, 5, 12)


@pytest.mark.parametrize("statistics", ["running", "image"])
@pytest.mark.parametrize("axis", [0, 2])
def test_volumes_are_taken_slice_by_slice(statistics: str, axis: int) -> None:
    network, inferer = gan(), GANTranslationInferer(statistics=statistics, slice_axis=axis, batch_size=3)
    slices = images(2, 5, 1, 8, 24)  # (N, slices, C, H, W)
    result = inferer(slices.movedim(1, axis + 2), network)
    found = {name: values.movedim(axis + 2, 1).flatten(0, 1) for name, values in result.items()}
    torch.testing.assert_close(found, inferer(slices.flatten(0, 1), network))


def test_an_image_does_not_depend_on_its_batch() -> None:
    network, x = gan(), images(4, 1, 16, 16)
    inferer = GANTranslationInferer(statistics="image")
    third = {name: values[2:3] for name, values in inferer(x, network).items()}
    torch.testing.assert_close(third, inferer(x[2:3], network))


def test_nothing_of_the_network_changes() -> None:
    network = gan()
    before = deepcopy(network.state_dict())
    results = [GANTranslationInferer(statistics=s)(images(2, 1, 16, 16), network) for s in ("running", "image")]
    assert not torch.allclose(*(result["map"] for result in results)) and not any(
        module.training for module in network.modules()
    )
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize(("statistics", "name", "rounding"), [("image", "train", 2e-4), ("running", "eval", 1e-6)])
def test_published_evaluation(
    reference: Callable[[str], dict[str, torch.Tensor]], statistics: str, name: str, rounding: float
) -> None:
    tensors = reference("40_descargan_generator_nf4")
    generator = DeScarGANGenerator(channels=(4, 8, 16, 32))
    published = [v for block in PUBLISHED for k, v in tensors.items() if k.startswith(f"sd/{block}.")]
    generator.load_state_dict(dict(zip(generator.state_dict(), published, strict=True)))
    network = TranslationGAN(generator, nn.Identity()).double().eval()
    result = GANTranslationInferer(statistics=statistics)(tensors["x"], network)
    torch.testing.assert_close(result["reconstruction"][:1], tensors[f"healthy_{name}_batch1"], rtol=0, atol=rounding)


def test_mixed_precision_is_close_and_in_float32() -> None:
    network, x = gan(norm="instance"), images(2, 1, 32, 32)
    exact, rough = (GANTranslationInferer(autocast=a)(x, network)["map"] for a in (None, "bfloat16"))
    assert rough.dtype == torch.float32 and not torch.equal(exact, rough)
    assert (rough - exact).abs().mean() < 0.03


def test_empty_slice_has_no_anomaly() -> None:
    x = images(3, 1, 16, 16)
    x[1] = -1
    result = GANTranslationInferer(statistics="image")(x, gan())
    assert (result["reconstruction"][1] == -1).all()
    assert result["map"].flatten(1).any(1).tolist() == [True, False, True]


class Drawn(nn.Module):
    """A field of 1.5 voxels along the first axis and a ramp of 0.25 along the second, and paint of 0.5."""

    def deform(self, x: torch.Tensor, target: torch.Tensor) -> Deformation:
        ramp = 0.25 * torch.arange(x.shape[3], dtype=x.dtype).expand_as(x[:, :1])
        return Deformation(x + 0.5, torch.cat([torch.full_like(ramp, 1.5), ramp], dim=1), torch.full_like(x, 0.5))

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.deform(x, target).image


@pytest.mark.parametrize("statistics", ["running", "image"])
def test_displacement_and_what_shrank(statistics: str) -> None:
    x, network = images(3, 2, 6, 12), TranslationGAN(Drawn(), nn.Identity())
    plain = GANTranslationInferer(statistics=statistics)(x, network)
    inferer = GANTranslationInferer(statistics=statistics, displacement=True)
    found = inferer(x, network)
    assert set(found) == set(inferer.fields) == {*plain, "displacement", "log_jacobian"}
    for name, values in plain.items():
        torch.testing.assert_close(found[name], values)
    assert found["displacement"].shape == (3, 2, 6, 12) and found["log_jacobian"].shape == (3, 1, 6, 12)
    assert (found["displacement"][:, 0] == 1.5).all() and (found["displacement"][:, 1, :, 8] == 2).all()
    torch.testing.assert_close(found["log_jacobian"], torch.full((3, 1, 6, 12), 1.25).log())  # shrank


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_displacement_of_a_volume_has_none_from_slice_to_slice(axis: int) -> None:
    x = images(2, 1, 8, 16, 24)
    first = x.movedim(axis + 2, 0)[0]
    first[:] = -1  # a slice of one intensity stays
    network = TranslationGAN(Drawn(), nn.Identity())
    found = GANTranslationInferer(slice_axis=axis, displacement=True)(MetaTensor(x), network)
    field = found["displacement"]
    assert isinstance(field, MetaTensor) and field.shape == (2, 3, 8, 16, 24)
    assert not field[:, axis].any() and not field.movedim(axis + 2, 0)[0].any()
    rest = field.movedim(axis + 2, 0)[1:]
    in_plane = [i for i in range(3) if i != axis]
    assert (rest[:, :, in_plane[0]] == 1.5).all() and rest[:, :, in_plane[1]].max() > 1.5
    assert found["log_jacobian"].shape == (2, 1, 8, 16, 24)


def test_without_effect_on_a_network_that_moves_nothing() -> None:
    x, network = images(2, 1, 16, 16), gan()
    assert set(GANTranslationInferer(displacement=True)(x, network)) == {"map", "reconstruction"}


class Slope(nn.Module):
    """Moves by the slope of the image: turns and mirrors with it. Paints by where a pixel lies: does not."""

    def deform(self, x: torch.Tensor, target: torch.Tensor) -> Deformation:
        slope = torch.cat([x.roll(-1, axis) - x.roll(1, axis) for axis in (2, 3)], dim=1)
        paint = torch.linspace(0, 1, x.shape[2]).reshape(-1, 1).expand_as(x)
        return Deformation(x + paint, slope, paint)

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return self.deform(x, target).image


@pytest.mark.parametrize("views", [2, 8])
def test_the_mean_of_views_turns_and_mirrors_with_the_image(views: int) -> None:
    x, network = images(2, 1, 16, 16), TranslationGAN(Slope(), nn.Identity())
    plain, inferer = GANTranslationInferer(displacement=True), GANTranslationInferer(displacement=True, views=views)
    found = inferer(x, network)
    torch.testing.assert_close(found["displacement"], plain(x, network)["displacement"])
    torch.testing.assert_close(found["reconstruction"] - x, torch.full_like(x, 0.5))
    assert (plain(x, network)["reconstruction"] - x).std() > 0.2
    torch.testing.assert_close(inferer.one_view(x, network), plain(x, network))
    without = GANTranslationInferer(views=views)(x, network)
    torch.testing.assert_close(without["reconstruction"], found["reconstruction"])


@pytest.mark.parametrize("views", [2, 8])
def test_views_of_any_size(views: int) -> None:
    x = images(2, 1, 10, 20)
    found = GANTranslationInferer(views=views)(x, TranslationGAN(Shift(), nn.Identity()))
    torch.testing.assert_close(found["reconstruction"], x + 0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistics": "batch"}, r"statistics must be one of .*'batch'"),
        ({"views": 4}, r"views must be one of .* got 4"),
    ],
)
def test_other_word(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GANTranslationInferer(**options)
