# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.networks.nets import DiffusionModelUNet

from ...utils import DataError
from .checkpoint import network_weights
from .describe import detect
from .key_mover import KeyMover

__all__ = ["convert_unet"]


def convert_unet(
    state_dict: Mapping[str, torch.Tensor], *, num_heads: int | None = None, num_head_channels: int | None = None
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Convert a UNetModel of guided-diffusion into MONAI's ``DiffusionModelUNet``.

    The outputs agree to rounding. The attention heads cannot be read from the file: give either their number (the
    published models have 1) or their channels. Only the legacy order of queries, keys and values is known
    (``use_new_attention_order=False``, as in every published model); with one head the two orders are the same.

    Args:
        state_dict: tensors by guided-diffusion's names.
        num_heads: attention heads of every level.
        num_head_channels: channels of an attention head.

    Returns:
        Arguments of the constructor (plain lists and numbers) and the state dict.

    Raises:
        DataError: if the heads are not given, it is no UNet, MONAI cannot represent it (scale-shift normalization), or
            tensors are missing, left over, of a wrong shape or no finite numbers.
    """
    divisor = num_heads or num_head_channels or 0
    if divisor < 1 or (num_heads and num_head_channels):
        raise DataError(
            "a checkpoint does not tell the attention heads of its UNet: give either num_heads (1 for the published "
            "anomaly and segmentation models) or num_head_channels"
        )
    state_dict = network_weights(state_dict)
    network = detect(state_dict)
    if network.kind != "unet":
        raise DataError("expected a UNet (with output_blocks), found an encoder: a classifier or regressor")
    if network.scale_shift:
        raise DataError("this UNet uses scale-shift normalization, which MONAI's DiffusionModelUNet does not have")
    levels = len(network.channels)
    heads = []
    for level, channels in enumerate(network.channels):
        attends = network.attention_levels[level] or level == levels - 1  # the last level stands for the middle block
        if attends and channels % divisor:
            asked = f"{num_heads} heads" if num_heads else f"heads of {num_head_channels} channels"
            raise DataError(f"the {channels} channels of level {level} do not divide into {asked}")
        heads.append((num_heads or channels // divisor) if attends else 1)
    kwargs: dict[str, Any] = {
        "spatial_dims": 2,
        "in_channels": network.in_channels,
        "out_channels": network.out_channels,
        "num_res_blocks": network.num_res_blocks,
        "channels": list(network.channels),
        "attention_levels": list(network.attention_levels),
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
        "resblock_updown": network.resblock_updown,
        "num_head_channels": [c // h for c, h in zip(network.channels, heads, strict=True)],
        "num_class_embeds": network.num_classes,
    }

    mover = KeyMover(state_dict)
    mover.down_path(levels, network.num_res_blocks, network.attention_levels, network.resblock_updown, heads)
    if network.num_classes is not None:
        mover.moved["class_embedding.weight"] = mover.take("label_emb.weight")
    for i in range(levels * (network.num_res_blocks + 1)):
        up, r = divmod(i, network.num_res_blocks + 1)
        attends = network.attention_levels[levels - 1 - up]
        mover.res_block(f"output_blocks.{i}.0", f"up_blocks.{up}.resnets.{r}")
        if attends:
            mover.attention(f"output_blocks.{i}.1", f"up_blocks.{up}.attentions.{r}", heads[levels - 1 - up])
        if r == network.num_res_blocks and up < levels - 1:
            old = f"output_blocks.{i}.{2 if attends else 1}"
            if network.resblock_updown:
                mover.res_block(old, f"up_blocks.{up}.upsampler")
            else:
                mover.layer(f"{old}.conv", f"up_blocks.{up}.upsampler.postconv.conv")
    mover.layer("out.0", "out.0")
    mover.layer("out.2", "out.2.conv")
    return kwargs, mover.finish(DiffusionModelUNet, kwargs)
