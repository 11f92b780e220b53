# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Networks, their blocks, and the converter of published checkpoints."""

from __future__ import annotations
