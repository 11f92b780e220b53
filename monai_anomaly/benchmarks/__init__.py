# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What settings of a method cost and bring, how long a step takes, and how well known truths are found."""

from __future__ import annotations
