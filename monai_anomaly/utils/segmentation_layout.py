# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

__all__ = ["MAPS", "split_prediction"]

MAPS = ("mean", "variance", "entropy")
"""What a segmentation inferer gives of each region, in this order, before the samples."""


def split_prediction(pred: Any, regions: int) -> dict[str, Any]:
    """The parts of what a segmentation inferer gives for one image.

    Args:
        pred: (K (3 + n), ...), array or tensor: the maps of the K regions, then the n samples where they were kept,
            each its K regions.
        regions: K.

    Returns:
        ``mean``, ``variance`` and ``entropy`` (K, ...) and, where they were kept, ``samples`` (n K, ...).

    Raises:
        ValueError: when the channels do not fit the regions.
    """
    if len(pred) % regions or len(pred) < len(MAPS) * regions:
        raise ValueError(
            f"expected {', '.join(MAPS)} and perhaps samples of {regions} region(s), found {len(pred)} channels"
        )
    parts = {name: pred[i * regions : (i + 1) * regions] for i, name in enumerate(MAPS)}
    return {**parts, "samples": pred[len(MAPS) * regions :]} if len(pred) > len(MAPS) * regions else parts
