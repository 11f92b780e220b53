# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings

import pytest
import torch
from ignite.engine import Engine
from ignite.metrics.regression import R2Score

from monai_anomaly.handlers import RegressorPlateau


def validate(predicted: torch.Tensor, true: torch.Tensor) -> None:
    engine = Engine(lambda engine, batch: batch)
    R2Score().attach(engine, "val_size_r2")
    RegressorPlateau("val_size_r2").attach(engine)
    engine.run([(predicted, true)])


SIZES = torch.tensor([0.0, 0.1, 0.2, 0.05])


@pytest.mark.parametrize("predicted", [torch.full((4,), SIZES.mean()), SIZES.flip(0), torch.ones(4)])
def test_a_regressor_no_better_than_the_mean_is_told(predicted: torch.Tensor) -> None:
    with pytest.warns(UserWarning, match="epoch 1: val_size_r2 is -?[0-9.]+, and naming the mean"):
        validate(predicted, SIZES)


def test_numbers_that_are_all_equal_show_nothing() -> None:
    with pytest.warns(UserWarning, match="can hardly guide"):
        validate(torch.full((4,), 0.2), torch.full((4,), 0.1))


def test_a_good_regressor_is_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        validate(SIZES + 0.01, SIZES)
