# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Chest phantom: generated people on a frontal X-ray, with pleural effusion or without."""

from __future__ import annotations

from .dataset import write_chest
from .image import ChestImage, make_chest

__all__ = ["ChestImage", "make_chest", "write_chest"]
