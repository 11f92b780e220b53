# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..visualize.style import GRAY, MAP_COLORS
from .tensorboard_panel import TensorBoardPanel

__all__ = ["TranslationPanel"]


class TranslationPanel(TensorBoardPanel):
    """Translate a few fixed images during the training and show them in TensorBoard: input, reconstruction, map.

    Args:
        images: list of images (C, H, W), e.g. from the validation set.
        args: see `TensorBoardPanel`; the inferer gives ``map`` and ``reconstruction``.
        kwargs: the same.
    """

    title = "input | healthy reconstruction | anomaly map"
    colors = (GRAY, GRAY, MAP_COLORS)

    def __init__(self, images: Sequence[torch.Tensor], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.images = images

    def columns(self, device: torch.device) -> list[torch.Tensor]:
        """Input, reconstruction and map."""
        x = torch.stack([torch.as_tensor(image) for image in self.images]).to(device)
        result = self.inferer(x, self.network)
        return [self.gray(x), self.gray(result["reconstruction"]), result["map"][:, 0]]
