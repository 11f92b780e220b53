# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from monai_anomaly.diffusion import Denoiser, NoiseSchedule, SeededNoise
from monai_anomaly.inferers import MaskedResampling

SHAPE = (3, 2, 12, 12)
SEEDS = [5, 6, 7]


def noise(rows: Sequence[int]) -> SeededNoise:
    return SeededNoise([SEEDS[i] for i in rows])


class GaussianPixels(torch.nn.Module):
    """The exact denoiser of images whose pixels are independent, of this mean and standard deviation."""

    def __init__(self, mean: float, sd: float) -> None:
        super().__init__()
        self.mean, self.sd = mean, sd
        self.samples = 0

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        self.samples += len(x)
        a = NoiseSchedule().alpha_bar(timesteps + 1).to(x)[:, None, None, None]
        variance = a * self.sd**2 + 1 - a
        return (1 - a) ** 0.5 * (x - a**0.5 * self.mean) / variance


def denoiser(mean: float = 0.3, sd: float = 0.0) -> Denoiser:
    return Denoiser(GaussianPixels(mean, sd), NoiseSchedule())


def images() -> torch.Tensor:
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(0)) * 2 - 1


def spot() -> torch.Tensor:
    anomaly_map = torch.zeros(SHAPE[0], 1, *SHAPE[2:])
    anomaly_map[:, :, 4:7, 5:8] = 1.0
    return anomaly_map


def test_nothing_flagged_gives_the_input() -> None:
    x = images()
    resampling, unused = MaskedResampling(2.0), denoiser()
    result = resampling(unused, x, torch.zeros_like(x), resampling.flagged(spot()), noise)
    assert torch.equal(result, x) and unused.network.samples == 0


def test_images_with_nothing_flagged_do_not_touch_the_others() -> None:
    x, network, anomaly_map = images(), denoiser(0, 0.5), spot()
    resampling = MaskedResampling(0.5)
    whole = resampling(network, x, 0 * x, resampling.flagged(anomaly_map), noise)
    anomaly_map[1] = 0
    some = resampling(network, x, 0 * x, resampling.flagged(anomaly_map), noise)
    torch.testing.assert_close(some[[0, 2]], whole[[0, 2]])
    assert torch.equal(some[1], x[1])


def test_denoiser_sees_the_input_around_and_the_reconstruction_inside_with_one_noise() -> None:
    """RePaint: outside of what is flagged each step begins from the input, noised to its level."""
    x, start, seen = images(), images() / 2 + 0.1, []
    schedule = NoiseSchedule()

    class Recording(GaussianPixels):
        def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
            seen.append((x, timesteps + 1))
            return super().forward(x, timesteps)

    resampling = MaskedResampling(0.5, steps=4, samples=1, level=400)
    flagged = resampling.flagged(spot())
    inside = flagged.expand_as(x) > 0
    resampling(Denoiser(Recording(0.0, 0.5), schedule), x, start, flagged, noise)
    eps = noise(range(3))(x)
    assert len(seen) == 4
    for z, level in seen:
        torch.testing.assert_close(z[~inside], schedule.add_noise(x, eps, level)[~inside])
    torch.testing.assert_close(seen[0][0][inside], schedule.add_noise(start, eps, seen[0][1])[inside])


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("level", [100, 800])
def test_flagged_part_comes_from_the_denoiser_and_the_rest_from_the_input(steps: int, level: int) -> None:
    x, resampling = images(), MaskedResampling(0.5, level=level, steps=steps)
    flagged = resampling.flagged(spot())
    result = resampling(denoiser(mean=0.3), x, torch.zeros_like(x), flagged, noise)
    inside = flagged.expand_as(x) > 0
    torch.testing.assert_close(result[inside], torch.full_like(result[inside], 0.3), atol=1e-3, rtol=0)
    torch.testing.assert_close(result[~inside], x[~inside])


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_margin_widens_what_is_flagged(margin: int) -> None:
    # the mean over 3 x 3 passes 0.99 in the middle of the spot only
    flagged = MaskedResampling(0.99, margin=margin).flagged(spot())
    assert flagged[0].sum() == (2 * margin + 1) ** 2
    assert flagged[:, :, 5 - margin : 6 + margin, 6 - margin : 7 + margin].min() == 1


def test_what_the_final_map_does_not_flag_is_not_kept() -> None:
    resampling = MaskedResampling(0.05, keep=0.2)
    weak, strong = 0.1 * spot(), spot()
    assert resampling.flagged(weak).any() and not resampling.kept(weak).any()
    assert resampling.kept(strong).any() and not resampling.kept(strong).all()
    assert MaskedResampling(0.05).kept(weak).all()


def test_single_bright_pixels_are_not_flagged() -> None:
    anomaly_map = torch.zeros(1, 1, 8, 8)
    anomaly_map[0, 0, 3, 3] = 1.0
    assert MaskedResampling(0.2).flagged(anomaly_map).sum() == 0


def test_mean_of_more_draws_varies_less() -> None:
    x, everywhere = torch.zeros(SHAPE), torch.ones(SHAPE[0], 1, *SHAPE[2:])
    sd = [
        float(MaskedResampling(0.5, level=900, steps=50, samples=n)(denoiser(0, 0.5), x, x, everywhere, noise).std())
        for n in (1, 16)
    ]
    assert sd[0] == pytest.approx(0.5, rel=0.15)
    assert sd[1] == pytest.approx(0.5 / 4, rel=0.15)


def test_images_have_their_own_noise_and_share_none_with_the_batch() -> None:
    x, everywhere = torch.zeros(SHAPE), torch.ones(SHAPE[0], 1, *SHAPE[2:])
    resampling = MaskedResampling(0.5)
    together = resampling(denoiser(0, 0.5), x, x, everywhere, noise)
    alone = resampling(denoiser(0, 0.5), x[1:2], x[1:2], everywhere[1:2], lambda rows: noise([1 + i for i in rows]))
    torch.testing.assert_close(together[1:2], alone)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_evaluations_are_steps_times_draws() -> None:
    x, network = images(), denoiser()
    MaskedResampling(0.5, steps=3, samples=4)(network, x, x, spot(), noise)
    assert network.network.samples == 3 * 4 * len(x)


@pytest.mark.parametrize("options", [{"margin": -1}, {"level": 0}, {"steps": 0}, {"samples": 0}])
def test_settings_without_a_meaning_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(options))} must be at least [01], got"):
        MaskedResampling(0.1, **options)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\], got"):
        MaskedResampling(0.1, share=share)


def test_each_image_keeps_its_own_label() -> None:
    """A label an image met a batch of images times draws, of which some were left out, and failed."""

    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor, timesteps: torch.Tensor, class_labels: torch.Tensor) -> torch.Tensor:
            a = NoiseSchedule().alpha_bar(timesteps + 1).to(x)[:, None, None, None]
            return (x - a**0.5 * class_labels[:, None, None, None]) / (1 - a) ** 0.5

    labels, anomaly_map = torch.tensor([0.25, 0.5, 0.75]), spot()
    anomaly_map[0] = 0
    resampling = MaskedResampling(0.5, samples=3)
    result = resampling(
        Denoiser(Mean(), NoiseSchedule(), labels), images(), images(), resampling.flagged(anomaly_map), noise
    )
    for i in (1, 2):
        torch.testing.assert_close(result[i, :, 5, 6], labels[i].expand(2), atol=1e-4, rtol=0)
