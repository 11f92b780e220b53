# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.diffusion import NoiseSchedule, Parametrization
from monai_anomaly.diffusion.parametrization import PREDICTIONS

SCHEDULE = NoiseSchedule()


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("level", [1, 300, torch.tensor([1, 500, 1000])])
def test_the_right_prediction_is_read_as_noise_and_image(prediction, level) -> None:
    generator = torch.Generator().manual_seed(0)
    x0, noise = (torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    p = Parametrization(SCHEDULE, prediction)
    eps, found = p.read(SCHEDULE.add_noise(x0, noise, level), p.target(x0, noise, level), level)
    torch.testing.assert_close(eps, noise)
    torch.testing.assert_close(found, x0)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_noise_and_image_always_make_up_the_noisy_image(prediction) -> None:
    x, output = torch.randn(2, 2, 1, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    eps, x0 = Parametrization(SCHEDULE, prediction).read(x, output, 400)
    torch.testing.assert_close(SCHEDULE.add_noise(x0, eps, 400), x)


def test_unknown_prediction() -> None:
    with pytest.raises(ValueError, match="got 'score'"):
        Parametrization(SCHEDULE, "score")
