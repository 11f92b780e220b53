# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_anomaly.diffusion import ClassifierGuidance, GuidanceSum
from monai_anomaly.utils import DataError
from tests.diffusion.analytic import SCHEDULE, classify


def test_guidance_interval_and_sum(images) -> None:
    inside = ClassifierGuidance(scale=3.0, interval=(100, 300)).bind(classify, SCHEDULE)
    assert inside(images, 100) == 0.0
    assert inside(images, 301) == 0.0
    term = inside(images, 300)
    assert term.abs().max() > 0
    both = GuidanceSum([inside, ClassifierGuidance(scale=1.0).bind(classify, SCHEDULE)])
    torch.testing.assert_close(both(images, 300), term * 4 / 3)
    torch.testing.assert_close(both(images, 400), ClassifierGuidance(scale=1.0).bind(classify, SCHEDULE)(images, 400))


def test_interval_holds_for_each_of_several_levels(images) -> None:
    guide = ClassifierGuidance(scale=3.0, interval=(100, 300)).bind(classify, SCHEDULE)
    levels = [100, 200, 301]
    together = guide(images, torch.tensor(levels))
    alone = [torch.zeros(1) + guide(images[i : i + 1], level) for i, level in enumerate(levels)]
    assert together[1].abs().max() > 0
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other.expand_as(images[:1])[0], atol=1e-6, rtol=1e-5)
    assert guide(images, torch.tensor([50, 99, 400])) == 0.0


@pytest.mark.parametrize("interval", [(300, 100), (float("nan"), 100)])
def test_interval_whose_ends_fall_is_refused(images, interval) -> None:
    with pytest.raises(ValueError, match="low <= high"):
        ClassifierGuidance(interval=interval).bind(classify, SCHEDULE)
    assert ClassifierGuidance(interval=(0, 0)).bind(classify, SCHEDULE)(images, 200) == 0.0


@pytest.mark.parametrize("scale", [np.float32(3), torch.tensor(3.0), torch.tensor([3.0, 3.0, 3.0]), 3])
def test_scale_is_any_number_or_one_per_image(images, scale) -> None:
    expected = ClassifierGuidance(scale=3.0).bind(classify, SCHEDULE)(images, 200)
    torch.testing.assert_close(ClassifierGuidance(scale=scale).bind(classify, SCHEDULE)(images, 200), expected)


def test_guidance_leaves_the_network_alone(images) -> None:
    class Guide(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(128, 2)

        def forward(self, x, timesteps):
            return self.head(x.flatten(1))

    network = Guide()
    expected = ClassifierGuidance(scale=1.0).bind(network, SCHEDULE)(images, 200)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            term = ClassifierGuidance(scale=1.0).bind(network, SCHEDULE)(images * 1, 200)
        torch.testing.assert_close(term, expected)
    assert all(p.requires_grad and p.grad is None for p in network.parameters())


@pytest.mark.parametrize("target", [0, 2, -1])
def test_classifier_that_cannot_guide_is_refused(images, target) -> None:
    """The softmax of one class is 1: such guidance was 0, in silence."""
    if target:
        with pytest.raises(DataError, match=rf"expected the class {target} .* found 0\.\.1"):
            ClassifierGuidance(target=target).bind(classify, SCHEDULE)(images, 200)
    else:
        with pytest.raises(DataError, match="two classes or more"):
            ClassifierGuidance().bind(lambda x, timesteps: classify(x, timesteps)[:, :1], SCHEDULE)(images, 200)
