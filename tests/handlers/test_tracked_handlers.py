# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from monai.handlers import MLFlowHandler, StatsHandler, from_engine

from monai_anomaly.handlers import tracked_handlers


def test_loss_of_any_output() -> None:
    """As MONAI's switch sets the handler, which itself needs MLflow; decollated or not."""
    handler = MLFlowHandler.__new__(MLFlowHandler)
    handler.output_transform = from_engine(["loss"], first=True)
    other = StatsHandler(output_transform=from_engine(["loss"]))
    before = other.output_transform
    assert tracked_handlers([other, handler]) == [other, handler]
    loss = torch.tensor(3.0)
    assert handler.output_transform({"loss": loss}) is loss
    assert handler.output_transform([{"loss": loss}, {"loss": loss}]) is loss
    assert other.output_transform is before


def test_other_values_stay() -> None:
    handler = MLFlowHandler.__new__(MLFlowHandler)
    handler.output_transform = lambda output: {"a": 1.0}
    tracked_handlers([handler])
    assert handler.output_transform({}) == {"a": 1.0}
