# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Losses of the networks that see noisy images beside a diffusion network, one task per file."""

from __future__ import annotations

from .base import TaskLoss
from .classification import ClassificationLoss
from .regression import RegressionLoss
from .segmentation import SegmentationLoss
from .site_invariant import SiteInvariantTaskLoss

__all__ = ["ClassificationLoss", "RegressionLoss", "SegmentationLoss", "SiteInvariantTaskLoss", "TaskLoss"]
