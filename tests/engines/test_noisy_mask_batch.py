# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.engines import NoisyMaskPrepareBatch

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
