# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Bundles in MONAI Label's app ``monaibundle``."""

from __future__ import annotations

from .label_server import label_server

__all__ = ["label_server"]
