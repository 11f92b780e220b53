# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Automatic detection of pathological regions in medical images, on MONAI."""

from __future__ import annotations

__version__ = "0.1.0"
