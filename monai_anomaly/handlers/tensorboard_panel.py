# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.inferers import Inferer

from ..visualize.style import paint

__all__ = ["TensorBoardPanel"]


class TensorBoardPanel:
    """Base of handlers that apply an inferer to a few fixed images during the training and show them in
    TensorBoard.

    A subclass defines ``title``, the color map of each column, ``colors``, and :py:meth:`columns`.

    Args:
        inferer: what is applied.
        network: what it is applied with.
        log_dir: TensorBoard's folder.
        interval: epochs between panels.
        channel: the channel shown.
        intensity_range: shown as black and white.
    """

    title: str
    colors: Sequence[str]

    def __init__(
        self,
        inferer: Inferer,
        network: Any,
        log_dir: str | Path,
        interval: int = 1,
        channel: int = -1,
        intensity_range: tuple[float, float] = (-1.0, 1.0),
    ) -> None:
        self.inferer = inferer
        self.network = network
        self.log_dir = log_dir
        self.interval = interval
        self.channel = channel
        self.intensity_range = intensity_range

    @abstractmethod
    def columns(self, device: torch.device) -> list[torch.Tensor]:
        """The columns of the panel, each (N, H, W) in [0, 1]; the network is in evaluation mode."""

    def attach(self, engine: Engine) -> None:
        """Draw a panel after every ``interval`` epochs of a trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self)

    def __call__(self, engine: Engine) -> None:
        """Apply the inferer and write one panel."""
        from torch.utils.tensorboard import SummaryWriter

        device = next(self.network.parameters()).device
        training = self.network.training
        self.network.eval()
        columns = self.columns(device)
        self.network.train(training)
        # a thin gap between neighbors; anterior up for images in RAS order
        cells = [
            np.pad(paint(c.rot90(1, (1, 2)).clamp(0, 1).cpu().numpy(), colors), ((0, 0), (0, 2), (0, 2), (0, 0)))
            for c, colors in zip(columns, self.colors, strict=True)
        ]
        panel = np.concatenate([np.concatenate(c) for c in cells], axis=1)
        writer = SummaryWriter(str(self.log_dir))
        writer.add_image(self.title, panel, engine.state.epoch, dataformats="HWC")
        writer.close()

    def gray(self, images: torch.Tensor) -> torch.Tensor:
        """The channel shown of images (N, C, H, W), as shares of the intensity range."""
        low, high = self.intensity_range
        return (images[:, self.channel, ...] - low) / (high - low)
