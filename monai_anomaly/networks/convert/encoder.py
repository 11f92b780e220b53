# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...utils import DataError
from ..nets.noise_conditioned_encoder import NoiseConditionedEncoder
from .checkpoint import network_weights
from .describe import detect
from .key_mover import KeyMover

__all__ = ["convert_encoder"]


def convert_encoder(
    state_dict: Mapping[str, torch.Tensor], *, num_head_channels: int | None = None, num_res_blocks: int | None = None
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Convert an EncoderUNetModel of guided-diffusion (classifier, regressor) into ``NoiseConditionedEncoder``.

    Args:
        state_dict: tensors by guided-diffusion's names.
        num_head_channels: channels of an attention head, which the file does not tell; 64 for the published models.
        num_res_blocks: residual blocks per level; needed only where :func:`detect` asks for it.

    Returns:
        Arguments of the constructor (plain lists and numbers) and the state dict.

    Raises:
        DataError: if the heads are not given, it is no encoder, it is of a kind the network does not represent (without
            scale-shift normalization or residual resampling, or with a spatial pool), or tensors are missing, left
            over, of a wrong shape or no finite numbers.
    """
    if not num_head_channels or num_head_channels < 1:
        raise DataError(
            "a checkpoint does not tell the attention heads of its encoder: give num_head_channels (64 for the "
            "published classifiers)"
        )
    state_dict = network_weights(state_dict)
    network = detect(state_dict, num_res_blocks)
    if network.kind != "encoder":
        raise DataError("expected an encoder (a classifier or regressor), found a UNet (with output_blocks)")
    levels = len(network.channels)
    if not network.scale_shift:
        raise DataError("only encoders with scale-shift normalization (use_scale_shift_norm) can be converted")
    if not network.resblock_updown and levels > 1:
        raise DataError("only encoders that halve in residual blocks (resblock_updown) can be converted")
    if network.pool == "spatial":
        raise DataError("only the pools 'attention' and 'adaptive' can be converted, found 'spatial' or 'spatial_v2'")
    for level, channels in enumerate(network.channels):
        if (network.attention_levels[level] or level == levels - 1) and channels % num_head_channels:
            raise DataError(
                f"the {channels} channels of level {level} do not divide into heads of {num_head_channels} channels"
            )
    kwargs: dict[str, Any] = {
        "spatial_dims": 2,
        "in_channels": network.in_channels,
        "out_channels": network.out_channels,
        "channels": list(network.channels),
        "num_res_blocks": network.num_res_blocks,
        "attention_levels": list(network.attention_levels),
        "num_head_channels": num_head_channels,
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
        "pool": network.pool,
    }
    mover = KeyMover(state_dict)
    heads = [max(1, channels // num_head_channels) for channels in network.channels]
    mover.down_path(levels, network.num_res_blocks, network.attention_levels, network.resblock_updown, heads)
    mover.layer("out.0", "out_norm.0")
    if network.pool == "attention":
        kwargs["input_size"] = network.input_size
        mover.moved["pool.positional_embedding"] = mover.take("out.2.positional_embedding")
        mover.layer("out.2.qkv_proj", "pool.qkv")
        mover.layer("out.2.c_proj", "pool.out_proj")
    else:
        mover.layer("out.3", "pool.conv")
    return kwargs, mover.finish(NoiseConditionedEncoder, kwargs)
