# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..visualize.style import GRAY, MAP_COLORS
from .tensorboard_panel import TensorBoardPanel

__all__ = ["SegmentationPanel"]


class SegmentationPanel(TensorBoardPanel):
    """Segment a few fixed images during the training and show them in TensorBoard: input, truth, mean, variance.

    Of several regions the first is shown.

    Args:
        samples: dictionaries with ``image`` (C, H, W) and ``mask`` (K, H, W), e.g. items of the validation set.
        args: see `TensorBoardPanel`; the inferer gives ``mean`` and ``variance``.
        kwargs: the same.
    """

    title = "input | true mask | mean | variance"
    colors = (GRAY, GRAY, GRAY, MAP_COLORS)

    def __init__(self, samples: Sequence[Mapping[str, torch.Tensor]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.samples = samples

    def columns(self, device: torch.device) -> list[torch.Tensor]:
        """Input, true mask, mean and variance."""
        x, mask = (torch.stack([torch.as_tensor(s[k]) for s in self.samples]).to(device) for k in ("image", "mask"))
        result = self.inferer(x, self.network)
        # the variance of a yes-or-no is at most 1/4, a little more where few samples make it unbiased
        return [self.gray(x), mask[:, 0].float(), result["mean"][:, 0], 4 * result["variance"][:, 0]]
