# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overrides that make the networks of the bundles, and what they sample, tiny: a test takes seconds."""

from __future__ import annotations

from typing import Any

__all__ = [
    "TINY_CLASSIFIER",
    "TINY_DIFFUSION",
    "TINY_GAN",
    "TINY_MASK_DIFFUSION",
    "TINY_NETWORK",
    "TINY_SAMPLING",
    "TINY_SEGMENTER",
    "TINY_TRANSLATION",
]

TINY_DIFFUSION: dict[str, Any] = {
    "network_def#diffusion#channels": [8, 16],
    "network_def#diffusion#attention_levels": [False, True],
    "network_def#diffusion#num_res_blocks": 1,
    "network_def#diffusion#num_head_channels": [8, 16],
    "network_def#diffusion#norm_num_groups": 8,
}
"""Of the diffusion network of any bundle that has MONAI's ``DiffusionModelUNet``."""

TINY_MASK_DIFFUSION: dict[str, Any] = {"network_def#diffusion#network#filters": [8, 8, 8, 8]}
"""Of that of ``diffseg``."""

TINY_NETWORK: dict[str, Any] = {
    **TINY_DIFFUSION,
    "network_def#classifier#channels": [8, 16],
    "network_def#classifier#attention_levels": [False, True],
    "network_def#classifier#num_res_blocks": 1,
    "network_def#classifier#num_head_channels": 8,
    "network_def#classifier#norm_num_groups": 8,
}
"""Of both networks of ``diffanomaly``."""

TINY_TRANSLATION: dict[str, Any] = {
    **TINY_DIFFUSION,
    **{
        f"network_def#{task}#{name}": value
        for task in ("size", "tumor")
        for name, value in {
            "channels": [8, 16],
            "attention_levels": [False, False],
            "num_res_blocks": 1,
            "num_head_channels": 8,
            "norm_num_groups": 8,
        }.items()
    },
}
"""Of the networks of ``difftranslation``."""

TINY_SEGMENTER: dict[str, Any] = {"segmenter#filters": [8, 8, 8, 8]}
"""Of its independent segmenter."""

TINY_GAN: dict[str, Any] = {
    "network_def#generator#channels": [4, 4, 8, 8],
    "network_def#discriminator#channels": [4, 4, 4],
    "network_def#discriminator#num_convs": [1, 1, 1],
}
"""Of both networks of ``descargan``."""

TINY_CLASSIFIER: dict[str, Any] = {
    "latent_dim": 8,
    "network_def#encoder#width": 0.1,
    "network_def#encoder#hidden": 8,
}
"""Of ``l2i_classification``."""

TINY_SAMPLING: dict[str, dict[str, Any]] = {
    "diffanomaly": {"displayable_configs#steps": 2, "displayable_configs#substeps": 1},
    "diffseg": {"displayable_configs#steps": 2, "displayable_configs#num_samples": 2},
    "difftranslation": {"displayable_configs#steps": 2, "displayable_configs#substeps": 1},
}
"""Of each bundle's inference."""
