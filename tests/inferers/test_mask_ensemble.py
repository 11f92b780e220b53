# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from monai.networks.nets import DiffusionModelUNet
from torch import nn

from monai_anomaly.diffusion import Denoiser, NoiseSchedule, ancestral_step
from monai_anomaly.inferers import MaskEnsembleInferer
from monai_anomaly.inferers.view import VIEWS
from monai_anomaly.networks.nets import MaskDiffusionNet

from .recorded_noise import recorded

SCHEDULE = NoiseSchedule()


class Oracle(nn.Module):
    """Predicts a mask that it reads from the image, whatever the noise: brighter than a half is lesion."""

    def __init__(self, prediction: str = "sample", learned_variance: bool = True) -> None:
        super().__init__()
        self.prediction, self.learned_variance, self.calls = prediction, learned_variance, []

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(x))
        image, mask = x[:, :1], x[:, 1:]
        x0 = 2.0 * (image > 0.5) - 1
        a = SCHEDULE.alphas_cumprod[timesteps.long() + 1].float().reshape(-1, 1, 1, 1)
        eps = (mask - a.sqrt() * x0) / (1 - a).sqrt()
        output = {"sample": x0, "epsilon": eps, "v_prediction": a.sqrt() * eps - (1 - a).sqrt() * x0}[self.prediction]
        return torch.cat([output, torch.zeros_like(output)], dim=1) if self.learned_variance else output


class Sampler(nn.Module):
    """A network whose samples differ: the mask follows the sign of the noise it is given."""

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return torch.tanh(4 * x[:, -1:] + x[:, :1])


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("solver", ["ancestral", "ddim"])
@pytest.mark.parametrize("prediction", ["sample", "epsilon", "v_prediction"])
@pytest.mark.parametrize("learned_variance", [True, False])
def test_an_exact_network_gives_the_mask_in_any_number_of_steps(solver, prediction, learned_variance) -> None:
    x = images(2, 1, 8, 8)
    for steps in (1, 4):
        options = {"prediction": prediction, "num_samples": 2, "keep_samples": True, "binarize": True}
        out = MaskEnsembleInferer(steps, solver, **options)(x, Oracle(prediction, learned_variance))
        expected = (x > 0.5).float()
        for mask in (out["mean"], *out["samples"].unbind(1)):
            torch.testing.assert_close(mask, expected)
        assert not out["variance"].any() and not out["entropy"].any()


def test_evaluations_are_steps_times_samples() -> None:
    network = Oracle()
    MaskEnsembleInferer(7, num_samples=3, batch_size=4)(images(5, 1, 8, 8), network)
    assert sum(network.calls) == 7 * 3 * 5 and max(network.calls) <= 4


@pytest.mark.parametrize("solver", ["ancestral", "ddim"])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_one_seed_is_one_result_whatever_the_batch(solver, batch_size) -> None:
    x = images(3, 1, 8, 8)
    options = {"steps": 4, "solver": solver, "prediction": "sample", "num_samples": 4, "keep_samples": True}
    expected = MaskEnsembleInferer(**options, batch_size=1000)(x, Sampler())
    out = MaskEnsembleInferer(**options, batch_size=batch_size)(x, Sampler())
    torch.testing.assert_close(out, expected)
    alone = MaskEnsembleInferer(**options, batch_size=batch_size)(x[2:], Sampler())
    torch.testing.assert_close(alone, {name: values[2:] for name, values in expected.items()})
    samples = expected["samples"]
    assert not torch.equal(samples[:, 0], samples[:, 1])
    other = MaskEnsembleInferer(**options, seed=1)(x, Sampler())
    assert not torch.equal(other["samples"], samples)


def test_more_samples_keep_the_first_ones() -> None:
    x = images(2, 1, 8, 8)
    options = {"steps": 3, "prediction": "sample", "keep_samples": True}
    few, many = (MaskEnsembleInferer(num_samples=n, **options)(x, Sampler()) for n in (2, 5))
    torch.testing.assert_close(few["samples"], many["samples"][:, :2])


class OneSided(nn.Module):
    """Finds what it sees in the upper or left half only."""

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        mask = 2.0 * (x[:, :1] > 0.5) - 1
        mask[:, :, x.shape[2] // 2 :, x.shape[3] // 2 :] = -1
        return mask


@pytest.mark.parametrize("views", [2, 8])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_samples_take_turns_to_see_the_views(views: int, batch_size: int) -> None:
    x, options = images(3, 1, 8, 16), {"steps": 2, "prediction": "sample", "keep_samples": True, "num_samples": 10}
    found = MaskEnsembleInferer(**options, views=views, batch_size=batch_size)(x, Sampler())["samples"]
    plain = MaskEnsembleInferer(**options)
    for turn, view in enumerate(VIEWS[views]):
        samples = plain(view(x), Sampler())["samples"][:, turn::views]
        seen = view.undo(samples.flatten(0, 1)).unflatten(0, samples.shape[:2])
        torch.testing.assert_close(found[:, turn::views], seen)
    assert not torch.equal(found[:, 1], plain(x, Sampler())["samples"][:, 1])


def test_what_one_view_of_two_shows_counts_half() -> None:
    x = images(3, 1, 8, 8)
    mean = MaskEnsembleInferer(steps=2, prediction="sample", num_samples=2, views=2)(x, OneSided())["mean"]
    corner = (x > 0.5)[..., 4:, 4:].float()
    torch.testing.assert_close(mean[..., 4:, 4:], 0.5 * corner)  # seen in the mirror image alone
    with pytest.raises(ValueError, match="views must be one of"):
        MaskEnsembleInferer(views=3)


def test_algorithm_1_of_the_thesis() -> None:
    """Every level of 25, by hand with eq. 7: from noise, image concatenated in each step."""
    schedule, network, image = NoiseSchedule(25), Sampler(), images(1, 2, 8, 8)
    inferer = MaskEnsembleInferer(25, prediction="epsilon", clip=False, schedule=schedule, num_samples=1)
    mask, *noise = torch.randn(26, 1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    inferer.noise_source = recorded(mask, *noise)
    for t, s in pairwise(range(25, -1, -1)):
        eps = network(torch.cat([image, mask], dim=1), torch.tensor([t - 1]))
        a, abar = float(schedule.alpha_bar(t) / schedule.alpha_bar(s)), float(schedule.alpha_bar(t))
        mean = (mask - (1 - a) / (1 - abar) ** 0.5 * eps) / a**0.5
        variance = (1 - a) * (1 - float(schedule.alpha_bar(s))) / (1 - abar)
        mask = mean + (variance**0.5 * noise[25 - t] if s else 0)
    torch.testing.assert_close(inferer(image, network)["mean"], ((mask + 1) / 2).clamp(0, 1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("channels", "size", "regions"), [(1, (155, 173), 1), (6, (33, 40), 3), (4, (224, 224), 1)])
def test_any_size_and_number_of_channels(channels, size, regions) -> None:
    unet = DiffusionModelUNet(
        2, channels + regions, 2 * regions, num_res_blocks=1, channels=(8, 8), attention_levels=(False, False),
        norm_num_groups=8, num_head_channels=8,
    )  # fmt: skip
    nn.init.normal_(unet.out[-1].conv.weight, generator=torch.Generator().manual_seed(0))  # it starts at zero
    network = MaskDiffusionNet(unet, regions).eval()
    out = MaskEnsembleInferer(2, num_samples=2, regions=regions, divisor=2)(images(1, channels, *size), network)
    assert out["mean"].shape == (1, regions, *size)
    for part in out["mean"].unbind(1):
        assert part.min() == 0 and part.max() == 1


@pytest.mark.parametrize(("clip", "lowest"), [(True, 0.0), ((-1.0, 1.0), -1.0), (False, -1.0)])
def test_clip_is_of_the_predicted_clean_mask(clip, lowest) -> None:
    inferer = MaskEnsembleInferer(mask_range=(0.0, 1.0), prediction="sample", clip=clip)
    x0 = inferer.denoiser(Oracle(), torch.zeros(1, 1, 4, 4))(torch.zeros(1, 1, 4, 4), 500).x0
    assert (x0 == lowest).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"solver": "heun"}, "solver must be one of"),
        ({"mask_range": (1.0, 0.0)}, "background < lesion"),
        ({"order": 3}, "order must be one of"),
        ({"clip": (1.0, -1.0)}, "clip must be"),
        ({"seed": -1}, "seed must not be negative"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"grid": "cosine"}, "kind must be"),
        ({"temperature": 0.0}, "temperature must be above 0"),
    ],
)
def test_bad_arguments(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        MaskEnsembleInferer(**arguments)


def test_denoiser_concatenates_image_and_mask() -> None:
    seen = []

    def network(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return x[:, 2:]

    image, mask = images(1, 2, 4, 4), torch.ones(1, 1, 4, 4)
    denoiser = MaskEnsembleInferer(prediction="sample", clip=False).denoiser(network, image)
    assert isinstance(denoiser, Denoiser)
    step = ancestral_step(SCHEDULE, mask, denoiser(mask, 5), 5, 0)
    assert torch.equal(seen[0], torch.cat([image, mask], dim=1))
    torch.testing.assert_close(step, mask)


@pytest.mark.parametrize("solver", ["ancestral", "ddim"])
def test_one_step_is_the_first_of_a_sample(solver: str) -> None:
    network, x = Oracle(), images(3, 1, 6, 8)
    mask = MaskEnsembleInferer(1, solver, prediction="sample").one_step(x, network)  # of one step alone
    assert network.calls == [3]
    torch.testing.assert_close(mask[..., :6, :], 2.0 * (x > 0.5) - 1, atol=1e-4, rtol=0)  # padded below


def test_temperature_divides_the_logits() -> None:
    options = {"steps": 2, "num_samples": 2, "keep_samples": True}
    sure, soft = (MaskEnsembleInferer(temperature=t, **options)(images(2, 1, 8, 8), Sampler()) for t in (1.0, 2.0))
    before, after = sure["samples"], soft["samples"]
    inside = (before > 0) & (before < 1)
    assert inside.any()
    torch.testing.assert_close(after[inside].logit(), before[inside].logit() / 2, atol=1e-3, rtol=1e-3)
    assert torch.equal(after[~inside], before[~inside])
