# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A guide that acts near a mask, and a guide of some images of a batch."""

from __future__ import annotations

import pytest
import torch

from monai_anomaly.diffusion import ClassifierGuidance, GuidanceOfSome, GuidanceSum, NoiseSchedule, SegmentationGuidance


def segmenter(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    return 10 * x - 5


def image() -> torch.Tensor:
    """An image with a lesion in the upper left corner."""
    x = torch.zeros(1, 1, 16, 16)
    x[..., :3, :3] = 1
    return x


def lower_right() -> torch.Tensor:
    z = torch.zeros(1, 1, 16, 16)
    z[..., 12:, 12:] = 1
    return z


def where(margin: int | None) -> torch.Tensor:
    guide = SegmentationGuidance(reduction="sum", margin=margin)
    return guide.bind(segmenter, NoiseSchedule(), image=image(), target=lower_right())(image(), 300)[0, 0] != 0


def test_it_acts_near_the_wanted_and_the_present_lesion() -> None:
    acts = where(2)
    assert acts[:5, :5].all() and acts[10:, 10:].all()
    assert int(acts.sum()) == 5 * 5 + 6 * 6
    assert int(where(0).sum()) == 3 * 3 + 4 * 4
    assert where(None).all()


def test_classes_of_a_softmax_are_seen_too() -> None:
    def classes(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(x), 10 * x - 5, -5 - x], 1)

    guide = SegmentationGuidance(margin=0).bind(
        classes, NoiseSchedule(), image=image(), target=2 * lower_right().long()
    )
    assert torch.equal(guide.mask, torch.maximum(lower_right(), image()))


def test_a_margin_needs_the_images() -> None:
    with pytest.raises(ValueError, match="needs the clean images"):
        SegmentationGuidance(margin=1).bind(segmenter, NoiseSchedule(), target=lower_right())
    with pytest.raises(ValueError, match="margin must not be negative"):
        SegmentationGuidance(margin=-1)


def test_some_images_are_guided_as_if_alone() -> None:
    def classifier(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return x.square().flatten(1)[:, :3] * (1 + timesteps[:, None] / 1000)

    x = torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    guide = ClassifierGuidance(target=torch.tensor([2, 0]), scale=3.0).bind(
        classifier, NoiseSchedule(), image=x[[1, 3]]
    )
    term = GuidanceSum([GuidanceOfSome(guide, [1, 3])])(x, 200)
    assert torch.equal(term[[1, 3]], guide(x[[1, 3]], 200)) and term[[0, 2]].abs().max() == 0
    assert GuidanceOfSome(ClassifierGuidance(scale=0.0).bind(classifier, NoiseSchedule()), [1])(x, 200) == 0.0
