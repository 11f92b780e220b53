# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.inferers import Inferer
from torch.nn import functional as F

__all__ = ["TranslationPanel"]


class TranslationPanel:
    """Translate a few fixed images as the training goes on and show them in TensorBoard: input, reconstruction, map.

    Args:
        images: list of images (C, H, W), e.g. from the validation set.
        inferer: gives the map and the reconstruction, (N, 1 + C, H, W).
        network: what it translates with.
        log_dir: TensorBoard's folder.
        interval: epochs between panels.
        channel: the channel shown.
        intensity_range: shown as black and white.
    """

    def __init__(
        self,
        images: Sequence[torch.Tensor],
        inferer: Inferer,
        network: Any,
        log_dir: str | Path,
        interval: int = 1,
        channel: int = -1,
        intensity_range: tuple[float, float] = (-1.0, 1.0),
    ) -> None:
        self.images = images
        self.inferer = inferer
        self.network = network
        self.log_dir = log_dir
        self.interval = interval
        self.channel = channel
        self.intensity_range = intensity_range

    def attach(self, engine: Engine) -> None:
        """Draw a panel after every ``interval`` epochs of a trainer."""
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self)

    def __call__(self, engine: Engine) -> None:
        """Translate and write one panel."""
        from torch.utils.tensorboard import SummaryWriter

        device = next(self.network.parameters()).device
        x = torch.stack([torch.as_tensor(image) for image in self.images]).to(device)
        training = self.network.training
        self.network.eval()
        result = self.inferer(x, self.network)
        self.network.train(training)
        low, high = self.intensity_range
        score, healthy = result[:, :1], result[:, 1:]
        columns = [(v[:, self.channel, ...] - low) / (high - low) for v in (x, healthy)] + [score[:, 0]]
        # a thin gap between neighbours; anterior up for images in RAS order
        cells = [F.pad(c.rot90(1, (1, 2)).clamp(0, 1), (0, 2, 0, 2)) for c in columns]
        panel = torch.cat([torch.cat(list(c), dim=0) for c in cells], dim=1)
        writer = SummaryWriter(str(self.log_dir))
        writer.add_image("input | healthy reconstruction | anomaly map", panel[None].cpu(), engine.state.epoch)
        writer.close()
