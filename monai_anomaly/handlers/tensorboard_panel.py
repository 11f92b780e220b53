# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.inferers import Inferer
from torch.nn import functional as F

__all__ = ["TensorBoardPanel"]


class TensorBoardPanel:
    """Base of handlers that apply an inferer to a few fixed images as the training goes on and show them in
    TensorBoard.

    A subclass defines ``title`` and :py:meth:`columns`.

    Args:
        inferer: what is applied.
        network: what it is applied with.
        log_dir: TensorBoard's folder.
        interval: epochs between panels.
        channel: the channel shown.
        intensity_range: shown as black and white.
    """

    title: str

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
        # a thin gap between neighbours; anterior up for images in RAS order
        cells = [F.pad(c.rot90(1, (1, 2)).clamp(0, 1), (0, 2, 0, 2)) for c in columns]
        panel = torch.cat([torch.cat(list(c), dim=0) for c in cells], dim=1)
        writer = SummaryWriter(str(self.log_dir))
        writer.add_image(self.title, panel[None].cpu(), engine.state.epoch)
        writer.close()

    def gray(self, images: torch.Tensor) -> torch.Tensor:
        """The channel shown of images (N, C, H, W), as shares of the intensity range."""
        low, high = self.intensity_range
        return (images[:, self.channel, ...] - low) / (high - low)
