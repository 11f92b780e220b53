# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.diffusion import Denoiser
from monai_anomaly.diffusion.parametrization import PREDICTIONS

from .analytic import SCHEDULE, abar_of, gaussian, labeled, wavy


def as_prediction(network, prediction):
    """A network that predicts something else, and knows what the one that predicts eps knows at the level it is
    told."""

    def other(x, timesteps):
        eps, a = network(x, timesteps), abar_of(timesteps, x)
        x0 = (x - (1 - a).sqrt() * eps) / a.sqrt()
        return {"epsilon": eps, "sample": x0, "v_prediction": a.sqrt() * eps - (1 - a).sqrt() * x0}[prediction]

    return other


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("level", [0, 0.3, 1, 1.5, 321, 1000, torch.tensor([0, 1, 321]), torch.tensor([0.3, 1.5, 321])])
def test_predictions_agree(images, prediction, level) -> None:
    """Below level 1, too, where a network is told level 1: v was read as of the level itself there."""
    images = images.double()
    expected = Denoiser(gaussian, SCHEDULE)(images, level)
    actual = Denoiser(as_prediction(gaussian, prediction), SCHEDULE, prediction=prediction)(images, level)
    torch.testing.assert_close(actual.eps, expected.eps)
    torch.testing.assert_close(actual.x0, expected.x0)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("level", [0, 0.3, 1, 1.5, 321, torch.tensor([0, 1, 321]), torch.tensor([0.3, 1.5, 321])])
def test_clip_that_never_acts_changes_nothing(images, prediction, level) -> None:
    network, images = as_prediction(wavy, prediction), images.double()
    plain, clipped = (
        Denoiser(network, SCHEDULE, prediction=prediction, clip=clip)(images, level) for clip in (None, (-100, 100))
    )
    torch.testing.assert_close(clipped.eps, plain.eps)
    torch.testing.assert_close(clipped.x0, plain.x0)


@pytest.mark.parametrize("clip", [(1, -1), (0, 0), (1,), (float("nan"), 1)])
def test_clip_that_is_no_range_is_refused(clip) -> None:
    """torch clamps to the upper of exchanged ends: every clean image had one value."""
    with pytest.raises(ValueError, match="low < high"):
        Denoiser(wavy, SCHEDULE, clip=clip)


def test_unknown_prediction_is_refused() -> None:
    with pytest.raises(ValueError, match="prediction must be"):
        Denoiser(wavy, SCHEDULE, prediction="score")


def test_condition_is_put_before_the_image(images) -> None:
    seen = {}

    def network(x, timesteps):
        seen["x"] = x
        return x[:, -2:]

    condition = torch.ones(3, 4, 8, 8)
    Denoiser(network, SCHEDULE, condition=condition)(images, 10)
    torch.testing.assert_close(seen["x"], torch.cat([condition, images], 1))


@pytest.mark.parametrize("w", [0.0, 1.0, 2.5])
def test_label_scale_extrapolates_beyond_the_label_away_from_the_other(images, w) -> None:
    """Of Gaussians of one width, means 0 and 1: eps is linear in the mean, so it is eps of the mean -w."""
    denoiser = Denoiser(labeled, SCHEDULE, class_label=0, away_label=1, label_scale=w)
    wanted = Denoiser(labeled, SCHEDULE, class_label=torch.tensor(-w))
    for level in (50, 400):
        got, expected = denoiser(images, level), wanted(images, level)
        torch.testing.assert_close(got.eps, expected.eps, atol=1e-5, rtol=0)
        torch.testing.assert_close(got.x0, expected.x0, atol=1e-4, rtol=0)


@pytest.mark.parametrize("label", [torch.tensor([0, 1, 2]), torch.tensor([1]), torch.tensor(1), 1])
@pytest.mark.parametrize("count", [1, 3])
def test_denoiser_of_some_images_keeps_their_labels_and_conditions(images, label, count) -> None:
    def network(x, timesteps, class_labels):
        return labeled(x[:, 2:], timesteps, class_labels) + x[:, :2]

    images = images[:count]
    label = label[:count] if isinstance(label, torch.Tensor) and label.ndim else label
    denoiser = Denoiser(
        network, SCHEDULE, condition=images.flip(0), class_label=label, away_label=2 - label, label_scale=0.5
    )
    chosen = [count - 1, 0, count - 1, 0]
    taken = denoiser.take(chosen)(images[chosen], 300)
    torch.testing.assert_close(taken.eps, denoiser(images, 300).eps[chosen])
