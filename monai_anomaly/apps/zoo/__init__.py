# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A bundle as the Model Zoo has it: a folder with all that it needs, which runs without this package."""

from __future__ import annotations

from .export_zoo import export_zoo

__all__ = ["export_zoo"]
