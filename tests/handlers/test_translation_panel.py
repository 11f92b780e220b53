# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from matplotlib.image import imread
from monai.data import MetaTensor
from monai.inferers import Inferer
from torch import nn

from monai_anomaly.handlers import TranslationPanel
from monai_anomaly.inferers import Results
from monai_anomaly.visualize.style import MAP_COLORS, paint

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


class Translate(Inferer):
    """A map of 0.5 everywhere and the image turned to black."""

    def __init__(self) -> None:
        super().__init__()
        self.modes: list[bool] = []

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Results:
        self.modes.append(network.training)
        return {"map": torch.full_like(inputs[:, :1], 0.5), "reconstruction": torch.full_like(inputs, -1.0)}


def panels(folder: Path, images: list[torch.Tensor], **options: Any) -> tuple[dict[int, np.ndarray], Translate]:
    network, inferer = nn.Linear(1, 1), Translate()
    engine = Engine(lambda engine, batch: None)
    TranslationPanel(images, inferer, network, folder, **options).attach(engine)
    engine.run([0], max_epochs=4)
    assert network.training
    events = event_accumulator.EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    (tag,) = events.Tags()["images"]
    return {e.step: imread(io.BytesIO(e.encoded_image_string)) for e in events.Images(tag)}, inferer


def test_panel_shows_input_reconstruction_and_map(tmp_path: Path) -> None:
    images = [MetaTensor(torch.ones(2, 4, 6)), MetaTensor(torch.zeros(2, 4, 6))]
    drawn, inferer = panels(tmp_path, images, interval=2)
    assert list(drawn) == [2, 4] and inferer.modes == [False, False]
    panel = drawn[2][..., :3]
    assert panel.shape[:2] == (2 * (6 + 2), 3 * (4 + 2))  # turned: anterior is up
    for row, image in enumerate([1.0, 0.5]):
        for column, value in enumerate([image, 0.0, paint(np.array([0.5]), MAP_COLORS)[0]]):
            cell = panel[8 * row : 8 * row + 6, 6 * column : 6 * column + 4]
            np.testing.assert_allclose(cell, np.broadcast_to(value, cell.shape), atol=1 / 128)


def test_anterior_is_up(tmp_path: Path) -> None:
    image = torch.full((1, 4, 6), -1.0)
    image[:, :, -1] = 1.0  # the largest y
    panel = next(iter(panels(tmp_path, [image])[0].values()))
    panel = panel[..., 0]
    assert (panel[0, :4] > 0.99).all() and (panel[1:6, :4] < 0.01).all()
