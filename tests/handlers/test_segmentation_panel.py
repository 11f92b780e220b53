# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from matplotlib.image import imread
from monai.inferers import Inferer
from torch import nn

from monai_anomaly.handlers import SegmentationPanel
from monai_anomaly.inferers import Results
from monai_anomaly.visualize.style import MAP_COLORS, paint

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


class Quarters(Inferer):
    """Mean 0.75, variance 0.125."""

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Results:
        assert not network.training
        return {name: torch.full_like(inputs[:, :1], v) for name, v in (("mean", 0.75), ("variance", 0.125))}


def test_columns_of_the_panel(tmp_path) -> None:
    network, engine = nn.Linear(1, 1), Engine(lambda engine, batch: None)
    sample = {"image": torch.zeros(2, 6, 6), "mask": torch.ones(1, 6, 6)}
    SegmentationPanel([sample, sample], Quarters(), network, tmp_path, interval=2).attach(engine)
    engine.run([0], max_epochs=4)
    assert network.training
    events = event_accumulator.EventAccumulator(str(tmp_path), {"images": 0})
    events.Reload()
    found = events.Images("input | true mask | mean | variance")
    assert [event.step for event in found] == [2, 4]
    picture = np.asarray(imread(io.BytesIO(found[0].encoded_image_string)))
    assert picture.shape[:2] == (16, 32)  # two rows of 6 + 2, four columns
    assert picture[2, 2:24:8, 0].tolist() == pytest.approx([0.5, 1.0, 0.75], abs=0.01)
    assert picture[2, 26, :3] == pytest.approx(paint(np.array([0.5]), MAP_COLORS)[0], abs=0.01)
