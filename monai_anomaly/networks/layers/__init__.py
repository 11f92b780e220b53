# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Operations without weights that networks share."""

from __future__ import annotations

from .batch_statistics import image_statistics
from .label_planes import append_label_planes

__all__ = [
    "append_label_planes",
    "image_statistics",
]
