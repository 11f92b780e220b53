# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.engines import MaskRecycling, NoisyMaskPrepareBatch
from monai_anomaly.losses import MaskDiffusionLoss

SCHEDULE = NoiseSchedule()


def batch(n: int = 6, regions: int = 1) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(n, regions, 8, 8, generator=generator) > 0.7).float()
    return {"image": torch.randn(n, 4, 8, 8, generator=generator), "mask": mask, "label": torch.zeros(n)}


def test_noise_is_on_the_mask_alone() -> None:
    data = batch(regions=3)
    inputs, target, args, kwargs = NoisyMaskPrepareBatch(SCHEDULE)(data)
    assert inputs.shape == (6, 7, 8, 8) and args == ()
    assert torch.equal(inputs[:, :4], data["image"])
    assert torch.equal(inputs[:, 4:], target.x)
    torch.testing.assert_close(target.x, SCHEDULE.add_noise(target.x0, target.noise, target.level))
    assert torch.equal(kwargs["timesteps"], target.level - 1)


@pytest.mark.parametrize("mask_range", [(0.0, 1.0), (-1.0, 1.0), (-0.5, 0.5)])
def test_mask_range_says_what_is_diffused(mask_range) -> None:
    data = batch()
    x0 = NoisyMaskPrepareBatch(SCHEDULE, mask_range)(data)[1].x0
    assert set(x0.unique().tolist()) == set(mask_range)
    assert torch.equal(x0 == mask_range[1], data["mask"] == 1)


def test_seed_fixes_a_batch_and_no_seed_does_not() -> None:
    data = batch()
    fixed, free = NoisyMaskPrepareBatch(SCHEDULE, seed=0), NoisyMaskPrepareBatch(SCHEDULE)
    assert torch.equal(fixed(data)[0], fixed(data)[0])
    assert not torch.equal(free(data)[0], free(data)[0])


def test_highest_level() -> None:
    level = NoisyMaskPrepareBatch(SCHEDULE, max_level=7)(batch(200))[1].level
    assert level.min() == 1 and level.max() == 7
    with pytest.raises(ValueError, match=r"max_level must be in 1\.\.1000, got 1001"):
        NoisyMaskPrepareBatch(SCHEDULE, max_level=1001)


class Reader(nn.Module):
    """Reads the mask from the first channel of the image, and a weight makes it worse."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.levels: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        self.levels.append(timesteps)
        return self.factor * x[:, :1]


def readable(mask_range: tuple[float, float]) -> dict[str, torch.Tensor]:
    data = batch()
    data["image"][:, :1] = mask_range[0] + (mask_range[1] - mask_range[0]) * data["mask"]
    return data


def test_recycling_through_a_network_that_knows_the_truth_noises_the_truth() -> None:
    mask_range, network = (-0.25, 0.25), Reader()
    prepare = {"schedule": SCHEDULE, "mask_range": mask_range, "seed": 3}
    recycling = MaskRecycling(network, SCHEDULE)
    data = readable(mask_range)
    plain, recycled = (NoisyMaskPrepareBatch(**prepare, recycling=r)(data) for r in (None, recycling))
    assert [level.unique().tolist() for level in network.levels] == [[999]]  # one pass, at the noisiest level
    torch.testing.assert_close(recycled[0], plain[0])
    torch.testing.assert_close(recycled[1].noise, plain[1].noise, atol=1e-4, rtol=1e-4)
    loss = MaskDiffusionLoss(SCHEDULE, prediction="sample", mask_range=mask_range, dice_weight=1.0)
    values = [loss(Reader(0.7)(inputs, **kwargs), target) for inputs, target, _, kwargs in (plain, recycled)]
    torch.testing.assert_close(*values)


def test_recycled_masks_hide_the_truth_which_remains_the_target() -> None:
    mask_range = (-0.25, 0.25)
    network, data = Reader(-1.0), readable(mask_range)  # predicts the opposite
    inputs, target, _, kwargs = NoisyMaskPrepareBatch(SCHEDULE, mask_range, recycling=MaskRecycling(network))(data)
    assert torch.equal(target.x0, data["image"][:, :1]) and torch.equal(target.x, inputs[:, 4:])
    level = target.level
    torch.testing.assert_close(SCHEDULE.add_noise(target.x0, target.noise, level), target.x, atol=1e-4, rtol=1e-4)
    noise = (target.x - SCHEDULE.amplitudes(level, target.x)[0] * -target.x0) / SCHEDULE.amplitudes(level, target.x)[1]
    assert abs(float(noise.mean())) < 0.2 and abs(float(noise.std()) - 1) < 0.2  # that of the opposite is plain noise
    assert not inputs.requires_grad and network.factor.grad is None
    network(inputs, **kwargs).square().mean().backward()
    (first,) = torch.autograd.grad((network.factor * data["image"][:, :1]).square().mean(), network.factor)
    torch.testing.assert_close(network.factor.grad, first)  # of the second pass alone


def test_a_share_of_the_batch_is_recycled() -> None:
    network, data = Reader(0.0), batch(6)
    prepare = {"schedule": SCHEDULE, "mask_range": (-0.25, 0.25), "seed": 0}
    half = MaskRecycling(network, SCHEDULE, share=0.5)
    plain, some = (NoisyMaskPrepareBatch(**prepare, recycling=r)(data)[1] for r in (None, half))
    torch.testing.assert_close(some.x[3:], plain.x[3:])
    signal = SCHEDULE.amplitudes(plain.level, plain.x)[0]
    torch.testing.assert_close((plain.x - some.x)[:3], (signal * plain.x0)[:3])  # the network predicts 0
    assert [len(level) for level in network.levels] == [3]
    for share in (0.0, 1.1):
        with pytest.raises(ValueError, match="share must be in"):
            MaskRecycling(network, share=share)


def test_recycling_is_the_same_for_the_same_seed() -> None:
    class Noisy(Reader):
        def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
            return x[:, -1:]

    recycling = MaskRecycling(Noisy(), SCHEDULE)
    fixed, free = (NoisyMaskPrepareBatch(SCHEDULE, seed=seed, recycling=recycling) for seed in (0, None))
    data = batch()
    assert torch.equal(fixed(data)[0], fixed(data)[0])
    drawn = []
    for _ in range(2):
        torch.manual_seed(5)
        drawn.append(free(data)[0])
    assert torch.equal(*drawn) and not torch.equal(free(data)[0], drawn[0])
