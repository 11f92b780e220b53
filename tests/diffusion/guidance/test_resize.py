# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from monai_anomaly.diffusion import NoiseSchedule, ResizeGuidance
from monai_anomaly.diffusion.guidance.resize import resized_mask
from monai_anomaly.utils import DataError


def segmenter(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    return 10 * x[:, :1] - 5


def disks(*radii: float, background: float = -1.0) -> torch.Tensor:
    """Images (N, 1, 32, 32) of a brain of 0 with a lesion of 1 of some radius."""
    y, x = torch.meshgrid(*[torch.arange(32.0) - 16] * 2, indexing="ij")
    r = (x**2 + y**2).sqrt()
    brain = torch.where(r < 14, 0.0, background)
    return torch.stack([torch.where(r < radius, 1.0, brain) for radius in radii])[:, None]


def bound(image: torch.Tensor, target: Any = None, **options: Any) -> ResizeGuidance:
    return ResizeGuidance(**options).bind(segmenter, NoiseSchedule(), image=image, target=target)


def brain_pixels(image: torch.Tensor) -> int:
    return int((image[0] > -1).sum())


@pytest.mark.parametrize("count", [0, 1, 30, 100, 10_000])
def test_a_mask_has_the_pixels_that_were_asked_for(count: int) -> None:
    image = disks(4)[0, 0].numpy()
    lesion, brain = image > 0.5, image > -1
    mask = resized_mask(lesion, brain, lesion.astype(float), count)
    assert mask.sum() == min(count, brain.sum()) and not (mask & ~brain).any()


def test_sizes_are_nested_in_the_lesion_or_around_it() -> None:
    image = disks(5)[0, 0].numpy()
    lesion, brain = image > 0.5, image > -1
    small, large = (resized_mask(lesion, brain, lesion.astype(float), n) for n in (20, 200))
    assert not (small & ~lesion).any() and not (lesion & ~large).any()


def test_without_a_lesion_it_grows_around_the_likeliest_pixel_of_the_brain() -> None:
    brain = np.zeros((8, 8), bool)
    brain[1:7, 1:7] = True
    probability = np.zeros((8, 8))
    probability[0, 0], probability[4, 5] = 0.9, 0.4
    mask = resized_mask(np.zeros_like(brain), brain, probability, 5)
    assert mask.sum() == 5 and mask[3:6, 5].all() and mask[4, 4:7].all()


def test_targets_differ_from_image_to_image() -> None:
    image = disks(4, 4, 4)
    guide = bound(image, torch.tensor([0.0, 0.1, 0.3]))
    wanted = [round(target * brain_pixels(image)) for target in (0.0, 0.1, 0.3)]
    assert guide.target.flatten(1).sum(1).tolist() == wanted


def test_a_factor_multiplies_what_the_segmenter_sees() -> None:
    image = disks(3, 6)
    lesions = (image > 0.5).flatten(1).sum(1)
    counts = bound(image, factor=2.0).target.flatten(1).sum(1)
    assert (counts - 2 * lesions).abs().max() <= 1


def test_it_leads_to_the_size() -> None:
    image = disks(5)
    guide = bound(image, 0.03, scale=1.0)
    x = image - 0.3 * guide(image, 300)  # a step along the term that is added to eps, against the noise
    before, after = (segmenter(v, torch.zeros(1)).sigmoid().sum() for v in (image, x))
    assert after < before
    assert segmenter(x, torch.zeros(1))[0, 0, 16, 16] > 0  # the middle of the lesion stays


def test_it_acts_near_the_lesion_only() -> None:
    image = disks(3)
    far = bound(image, 0.1, margin=2)(image, 300)[0, 0]
    everywhere = bound(image, 0.1, margin=None)(image, 300)[0, 0]
    assert far[0].abs().max() == 0 and far[16, 16] != 0
    assert everywhere[0].abs().max() > 0


def test_a_mask_of_the_call_narrows_it_further() -> None:
    image, left = disks(5), torch.zeros(1, 1, 32, 32)
    left[..., :16] = 1
    guide = ResizeGuidance(0.2).bind(segmenter, NoiseSchedule(), image=image, mask=left)
    term = guide(image, 300)
    assert term[..., 16:].abs().max() == 0 and term[..., :16].abs().max() > 0


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (1.2, {}, "a fraction in 0..1"),
        (None, {}, "expected a target or a factor"),
        (0.1, {"factor": 2.0}, "expected no target where the guide has a factor"),
        (torch.zeros(1, 2), {}, "a fraction in 0..1"),
    ],
)
def test_targets_that_are_no_size(target: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        bound(disks(4), target, **options)


def test_several_channels_and_images_without_a_brain_are_refused() -> None:
    with pytest.raises(DataError, match="segmenter of one channel"):
        ResizeGuidance(0.1).bind(lambda x, timesteps: x.repeat(1, 2, 1, 1), NoiseSchedule(), image=disks(4))
    with pytest.raises(DataError, match="expected images with a pixel above the background"):
        bound(torch.full((1, 1, 8, 8), -1.0), 0.1)


@pytest.mark.parametrize(
    "options", [{"factor": -1.0}, {"factor": "large"}, {"margin": -1}, {"target": 0.1, "factor": 2.0}]
)
def test_settings_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not be negative|is not negative|give one of"):
        ResizeGuidance(**options)
