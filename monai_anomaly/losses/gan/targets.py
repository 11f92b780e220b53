# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from ...utils import one_of

__all__ = ["TARGETS", "translation_targets"]

TARGETS = ("opposite", "random", "healthy")


def translation_targets(label: torch.Tensor, kind: str, healthy: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Which images of a batch are translated, and to which class.

    Args:
        label: class of each image (N,), of int64.
        kind: ``"opposite"``: of two classes each image to the other (thesis ch. 6); ``"random"``: to the class of a
            random image of the batch (StarGAN); ``"healthy"``: the diseased ones only (VAGAN).
        healthy: the healthy class.

    Returns:
        Numbers of the images (M,) and their targets (M,).

    Raises:
        ValueError: when ``kind`` is unknown.
    """
    if one_of("targets", kind, TARGETS) == "healthy":
        rows = torch.nonzero(label != healthy)[:, 0]
        return rows, torch.full_like(rows, healthy)
    rows = torch.arange(len(label), device=label.device)
    return rows, 1 - label if kind == "opposite" else label[torch.randperm(len(label), device=label.device)]
