# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from monai_anomaly.diffusion import (
    AreaGuidance,
    ClassifierGuidance,
    Guidance,
    GuidanceSum,
    IntensityGuidance,
    RegressionGuidance,
    SegmentationGuidance,
)
from monai_anomaly.utils import DataError
from tests.diffusion.analytic import SCHEDULE, classify
from tests.reference.stand_ins import regressor, segmenter

NETWORKS = {"classifier": classify, "regressor": regressor, "segmenter": segmenter}
EACH: dict[str, tuple[Guidance, torch.Tensor]] = {
    "class": (ClassifierGuidance(), torch.tensor([1, 0, 0])),
    "value": (RegressionGuidance(), torch.tensor([0.1, 0.5, -0.2])),
    "value, as a loader gives it": (RegressionGuidance(), torch.tensor([[0.1], [0.5], [-0.2]])),
    "area": (AreaGuidance(), torch.tensor([0.1, 0.5, 0.2])),
    "mask": (SegmentationGuidance(), (torch.arange(3 * 64).reshape(3, 1, 8, 8) % 3 == 0).float()),
}


def bind(guide: Guidance, images: torch.Tensor, **given: Any) -> Guidance:
    return guide.bind(NETWORKS.get(guide.task or ""), SCHEDULE, image=images, **given)


@pytest.mark.parametrize("name", EACH)
def test_targets_of_each_image_are_the_single_calls(images: torch.Tensor, name: str) -> None:
    guide, target = EACH[name]
    together = bind(guide, images, target=target)(images, 200)
    alone = [bind(guide, images[i : i + 1], target=target[i : i + 1])(images[i : i + 1], 200) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
    swapped = bind(guide, images, target=target.flip(0))(images, 200)
    assert not torch.allclose(swapped[0], together[0])


def test_mask_leaves_what_is_outside_alone(images: torch.Tensor) -> None:
    mask = torch.zeros(3, 1, 8, 8)
    mask[..., 2:5, 1:4] = 1
    mask[..., 5, 5] = 0.25
    whole, part = (bind(RegressionGuidance(0.5), images, mask=m)(images, 200) for m in (None, mask))
    torch.testing.assert_close(part, whole * mask)
    assert part.abs().max() > 0 and whole[..., 7, 7].abs().max() > 0


def test_masks_may_be_of_any_type(images: torch.Tensor) -> None:
    z, mask = (torch.arange(3 * 64).reshape(3, 1, 8, 8) % n == 0 for n in (3, 2))
    terms = [
        bind(SegmentationGuidance(), images, target=z.to(t), mask=mask.to(t))(images, 200)
        for t in (torch.float32, torch.bool, torch.uint8, torch.int64)
    ]
    assert terms[0].any() and all(torch.equal(term, terms[0]) for term in terms)


def test_binding_leaves_the_guide_as_it_was(images: torch.Tensor) -> None:
    guide = RegressionGuidance(0.1)
    bound = bind(guide, images, target=torch.tensor([1.0, 2.0, 3.0]), mask=torch.ones(3, 1, 8, 8))
    again = bind(bound, images[:1], target=0.1)
    assert (guide.target, guide.network, guide.mask, guide.image) == (0.1, None, None, None)
    assert bound.target.tolist() == [1.0, 2.0, 3.0]
    torch.testing.assert_close(again(images[:1], 200), bind(guide, images[:1])(images[:1], 200))
    factor = bind(RegressionGuidance(factor=2.0), images)
    torch.testing.assert_close(bind(factor, images[:1])(images[:1], 200), factor(images, 200)[:1])


def test_made_in_inference_mode_and_used_outside(images: torch.Tensor) -> None:
    """A target times a value keeps both for the gradient, which tensors of inference mode do not allow."""

    class Product(Guidance):
        def log_likelihood(self, x, timesteps):
            return (self.target * x.flatten(1).square().mean(1) * self.image.flatten(1).mean(1)).square()

    def term() -> torch.Tensor:
        return Product().bind(None, SCHEDULE, image=images * 1, target=torch.tensor([1.0, 2.0, 3.0]) * 1)(images, 200)

    with torch.inference_mode():
        found = term()
    torch.testing.assert_close(found, term())


@pytest.mark.parametrize(
    "guide", [RegressionGuidance(0.1, scale=0), RegressionGuidance(factor=2.0, scale=0), AreaGuidance(0.1, scale=0.0)]
)
def test_scale_zero_never_calls_the_network(images: torch.Tensor, guide: Guidance) -> None:
    def never(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        raise AssertionError

    assert guide.bind(never, SCHEDULE, image=images)(images, 200) == 0.0


def test_half_precision_is_that_of_the_network_alone(images: torch.Tensor) -> None:
    layer = torch.nn.Linear(128, 1)
    seen = []

    def network(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        value = layer(x.flatten(1))
        seen.append(value.dtype)
        return value

    terms = [RegressionGuidance(0.5).bind(network, SCHEDULE, autocast=a)(images, 200) for a in (None, torch.bfloat16)]
    assert seen == [torch.float32, torch.bfloat16] and terms[1].dtype == torch.float32
    torch.testing.assert_close(*terms, atol=1e-2, rtol=5e-2)


def test_terms_of_a_sum_keep_their_interval_mask_and_weight(images: torch.Tensor) -> None:
    left = torch.zeros(3, 1, 8, 8)
    left[..., :4] = 1
    early = bind(ClassifierGuidance(scale=2.0, interval=(250, 500)), images, mask=left)
    late = bind(RegressionGuidance(0.3, scale=5.0, interval=(0, 300)), images, mask=1 - left)
    both = GuidanceSum([early, late])
    torch.testing.assert_close(both(images, 400), early(images, 400))
    torch.testing.assert_close(both(images, 200), late(images, 200))
    torch.testing.assert_close(both(images, 280), early(images, 280) + late(images, 280))
    assert both(images, 501) == 0.0 and GuidanceSum([])(images, 100) == 0.0


NAN, MANY = float("nan"), torch.zeros(4)
BAD: list[tuple[Guidance, dict[str, Any], str]] = [
    (RegressionGuidance(), {}, "a target, a direction, a factor or a shift"),
    (RegressionGuidance(NAN), {}, "a finite target, found .nan"),
    (RegressionGuidance(), {"target": torch.tensor([0.1, NAN, math.inf])}, r"a finite target, found \[nan, inf\]"),
    (RegressionGuidance(), {"target": "large"}, "a target of numbers, found 'large'"),
    (RegressionGuidance(), {"target": MANY}, r"a target for each of 3 images, found one of shape \(4,\)"),
    (RegressionGuidance(), {"target": torch.zeros(3, 2)}, r"one for each image \(N,\).*found the shape \(3, 2\)"),
    (RegressionGuidance(direction=1), {"target": 0.1}, "no target where the guide has a direction"),
    (AreaGuidance(1.5), {}, r"areas that are a fraction in 0\.\.1, found \[1\.5\]"),
    (AreaGuidance(0.1, background=2.0), {}, "a pixel above the background 2"),
    (IntensityGuidance(shift=0.1), {"target": 0.1}, "no target where the guide has .* a shift"),
    (IntensityGuidance(0.1, background=2.0), {}, "a pixel above the background 2"),
    (IntensityGuidance(0.1, channel=7), {}, "a channel 7, found"),
    (ClassifierGuidance(0.5), {}, r"whole numbers, found \[0\.5\]"),
    (ClassifierGuidance(), {"target": MANY}, "a target for each of 3 images"),
    (ClassifierGuidance(), {"target": torch.zeros(3, 1)}, r"found the shape \(3, 1\)"),
    (SegmentationGuidance(), {}, "a desired mask .* found none"),
    (SegmentationGuidance(), {"target": torch.ones(3, 1, 8, 7)}, r"grid \(8, 8\), found the shape \(3, 1, 8, 7\)"),
    (SegmentationGuidance(), {"target": torch.ones(2, 1, 8, 8)}, "a target for each of 3 images"),
    (SegmentationGuidance(), {"target": -torch.ones(3, 1, 8, 8)}, r"in 0\.\.1, found -1\.\.-1"),
    (SegmentationGuidance(), {"target": 1.5 * torch.ones(3, 1, 8, 8)}, r"whole numbers, found \[1\.5"),
    (SegmentationGuidance(), {"target": 2 * torch.ones(3, 2, 8, 8)}, r"in 0\.\.1, found 2\.\.2"),
    (ClassifierGuidance(), {"mask": torch.zeros(3, 1, 8, 8)}, "a pixel above 0"),
    (ClassifierGuidance(), {"mask": torch.ones(3, 2, 8, 8)}, "one channel .* found 2 channel"),
    (ClassifierGuidance(), {"mask": torch.ones(3, 1, 4, 4)}, r"mask to act in .*grid \(8, 8\), found .*\(3, 1, 4, 4\)"),
    (ClassifierGuidance(), {"mask": 3 * torch.ones(3, 1, 8, 8)}, r"in 0\.\.1, found 3\.\.3"),
    (ClassifierGuidance(), {"mask": torch.full((3, 1, 8, 8), NAN)}, r"in 0\.\.1, found nan"),
    (ClassifierGuidance(scale=torch.ones(2)), {}, "a scale for each of 3 images"),
]


@pytest.mark.parametrize(("guide", "given", "message"), BAD)
def test_what_cannot_guide_is_refused_when_bound(
    images: torch.Tensor, guide: Guidance, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        bind(guide, images, **given)


@pytest.mark.parametrize(
    ("guide", "network", "target", "message"),
    [
        (ClassifierGuidance(), classify, torch.tensor([0, 2, 1]), r"the class 2 .* found 0\.\.1"),
        (RegressionGuidance(), classify, 0.1, r"one output, found the shape \(3, 2\)"),
        (SegmentationGuidance(), segmenter, 2 * torch.ones(3, 1, 8, 8), r"in 0\.\.1 for one channel, found 2"),
        (SegmentationGuidance(), lambda x, timesteps: x, 2 * torch.ones(3, 1, 8, 8), r"classes in 0\.\.1 .* found 2"),
        (SegmentationGuidance(), lambda x, timesteps: x[..., :4], torch.ones(3, 1, 8, 8), "on the grid of the desired"),
        (SegmentationGuidance(), segmenter, torch.ones(3, 2, 8, 8), "as many channels"),
        (SegmentationGuidance(), lambda x, timesteps: x, 0.5 * torch.ones(3, 1, 8, 8), "found fractions"),
    ],
)
def test_network_that_cannot_guide_there_is_refused(
    images: torch.Tensor, guide: Guidance, network: Any, target: Any, message: str
) -> None:
    bound = guide.bind(network, SCHEDULE, image=images, target=target)
    with pytest.raises(DataError, match=message):
        bound(images, 200)


def test_unbound_guide_says_how_to_bind_it(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"call RegressionGuidance\.bind\(network, schedule\)"):
        RegressionGuidance(0.1)(images, 100)
    with pytest.raises(ValueError, match="needs the network of its task 'regressor'"):
        RegressionGuidance(0.1).bind(None, SCHEDULE)
    for guide in (AreaGuidance(0.1), RegressionGuidance(factor=2.0)):
        with pytest.raises(ValueError, match="needs the clean images"):
            guide.bind(segmenter, SCHEDULE)


def test_targets_of_other_images_are_refused(images: torch.Tensor) -> None:
    guide = RegressionGuidance().bind(regressor, SCHEDULE, target=torch.zeros(3))
    with pytest.raises(DataError, match="a target for each of 2 images"):
        guide(images[:2], 200)


@pytest.mark.parametrize(
    "options",
    [
        {"target": 0.1, "direction": 1},
        {"direction": 1, "factor": 2.0},
        {"direction": 2},
        {"factor": NAN},
        {"factor": "large"},
        {"target": 0.1, "interval": (300, 100)},
        {"target": 0.1, "interval": (300,)},
    ],
)
def test_settings_that_say_two_things_or_none_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"direction|factor|interval"):
        RegressionGuidance(**options)
    with pytest.raises(ValueError, match="reduction"):
        SegmentationGuidance(reduction="max")
