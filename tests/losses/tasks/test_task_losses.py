# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch

from monai_anomaly.diffusion import NoisyImages
from monai_anomaly.losses import ClassificationLoss, RegressionLoss, SegmentationLoss, TaskLoss
from monai_anomaly.utils import DataError


def noisy(**targets: torch.Tensor) -> NoisyImages:
    image = torch.zeros(2, 1, 4, 4)
    return NoisyImages(image, image, image, torch.tensor([1, 2]), targets)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_even_odds_of_classes_cost_the_logarithm_of_their_number(classes: int) -> None:
    label, mask = torch.tensor([0, classes - 1]), torch.randint(0, classes, (2, 1, 4, 4)).float()
    found = ClassificationLoss()(torch.zeros(2, classes), noisy(label=label))
    pixels = SegmentationLoss()(torch.zeros(2, classes, 4, 4), noisy(mask=mask))
    assert [found.item(), pixels.item()] == pytest.approx([math.log(classes)] * 2, rel=1e-6)


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
@pytest.mark.parametrize("output", [(2,), (2, 1)])
def test_numbers_may_come_with_an_axis_or_without(shape: tuple[int, ...], output: tuple[int, ...]) -> None:
    """With (2, 1) against (2,) a plain mean squared error compares each output with each number."""
    size = torch.tensor([0.0, 0.2]).reshape(shape)
    loss = RegressionLoss("size", weight=10.0)(torch.tensor([0.1, 0.1]).reshape(output), noisy(size=size))
    assert loss.item() == pytest.approx(10 * 0.01, rel=1e-5)


def test_one_channel_is_binary_as_two_classes_of_opposite_logits() -> None:
    logits, mask = torch.randn(2, 1, 4, 4), torch.randint(0, 2, (2, 1, 4, 4)).float()
    binary = SegmentationLoss()(logits, noisy(mask=mask))
    classes = SegmentationLoss()(torch.cat([-logits / 2, logits / 2], 1), noisy(mask=mask))
    torch.testing.assert_close(binary, classes)


def test_regions_are_the_mean_of_their_own_losses() -> None:
    logits, mask = torch.randn(2, 3, 4, 4), torch.randint(0, 2, (2, 3, 4, 4)).float()
    each = [SegmentationLoss()(logits[:, k : k + 1], noisy(mask=mask[:, k : k + 1])) for k in range(3)]
    torch.testing.assert_close(SegmentationLoss()(logits, noisy(mask=mask)), torch.stack(each).mean())


@pytest.mark.parametrize("loss", [ClassificationLoss(), RegressionLoss("size"), SegmentationLoss("region")])
def test_a_missing_target_is_named(loss: TaskLoss) -> None:
    with pytest.raises(DataError, match=rf"the target '{loss.target}' .* found \['age'\]"):
        loss(torch.zeros(2, 1), noisy(age=torch.zeros(2)))


@pytest.mark.parametrize(
    ("loss", "output", "target", "message"),
    [
        (ClassificationLoss("t"), (2, 3, 4, 4), (2,), r"found outputs \(2, 3, 4, 4\) for targets \(2,\)"),
        (ClassificationLoss("t"), (2, 3), (2, 2), "one class for each image"),
        (RegressionLoss("t"), (2, 2), (2,), "one output and one number for each image"),
        (RegressionLoss("t"), (2, 1), (2, 1, 4, 4), r"target 't'.*for targets \(2, 1, 4, 4\)"),
        (SegmentationLoss("t"), (2, 1, 4, 4), (2, 1, 8, 8), "of one size"),
        (SegmentationLoss("t"), (2, 3, 4, 4), (2, 2, 4, 4), "equal channels or one of classes"),
        (SegmentationLoss("t"), (2, 1, 4, 4), (2, 3, 4, 4), "equal channels or one of classes"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(loss: TaskLoss, output: tuple, target: tuple, message: str) -> None:
    with pytest.raises(DataError, match=message):
        loss(torch.zeros(output), noisy(t=torch.zeros(target)))


@pytest.mark.parametrize(("channels", "value"), [(1, 4.0), (1, -1.0), (3, 3.0)])
def test_labels_of_files_are_no_mask(channels: int, value: float) -> None:
    """Binary cross-entropy takes them, and its minimum is then at no probability."""
    mask = torch.zeros(2, 1, 4, 4)
    mask[0, 0, 0, 0] = value
    with pytest.raises(DataError, match=rf"'mask': .*from 0 to {max(1, channels - 1)}, found .*{value:g}.*EncodeMaskd"):
        SegmentationLoss()(torch.zeros(2, channels, 4, 4), noisy(mask=mask))
