# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overrides that make the networks of a ``diffanomaly`` configuration tiny."""

from __future__ import annotations

from typing import Any

TINY_NETWORK: dict[str, Any] = {
    "network_def#diffusion#channels": [8, 16],
    "network_def#diffusion#attention_levels": [False, True],
    "network_def#diffusion#num_res_blocks": 1,
    "network_def#diffusion#num_head_channels": [8, 16],
    "network_def#diffusion#norm_num_groups": 8,
    "network_def#classifier#channels": [8, 16],
    "network_def#classifier#attention_levels": [False, True],
    "network_def#classifier#num_res_blocks": 1,
    "network_def#classifier#num_head_channels": 8,
    "network_def#classifier#norm_num_groups": 8,
}
