# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Chest phantom: generated people on a frontal X-ray, with pleural effusion or without."""

from __future__ import annotations

from .dataset import write_chest
from .figure import chest_figure
from .image import ChestImage, make_chest

__all__ = ["ChestImage", "chest_figure", "make_chest", "write_chest"]
