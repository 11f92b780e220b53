# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ...utils import DataError

__all__ = ["KeyMover"]

RES_BLOCK = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1.conv",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2.conv",
}


class KeyMover:
    """Moves the tensors of a guided-diffusion checkpoint to MONAI's names, and keeps account of what is left.

    Args:
        state_dict: tensors by their old names.
    """

    def __init__(self, state_dict: Mapping[str, torch.Tensor]) -> None:
        self.left = dict(state_dict)
        self.moved: dict[str, torch.Tensor] = {}

    def take(self, name: str) -> torch.Tensor:
        """Take a tensor out of the source; raises DataError if it is not there."""
        if name not in self.left:
            raise DataError(f"missing tensor {name!r}")
        return self.left.pop(name)

    def layer(self, old: str, new: str) -> None:
        """Move weight and bias of a layer; a 1D convolution of kernel size 1 becomes a linear layer."""
        weight = self.take(f"{old}.weight")
        self.moved[f"{new}.weight"] = weight.squeeze(-1) if weight.ndim == 3 else weight
        self.moved[f"{new}.bias"] = self.take(f"{old}.bias")

    def res_block(self, old: str, new: str) -> None:
        """Move a residual block, with its 1 x 1 skip convolution where it has one."""
        for source, target in RES_BLOCK.items():
            self.layer(f"{old}.{source}", f"{new}.{target}")
        if f"{old}.skip_connection.weight" in self.left:
            self.layer(f"{old}.skip_connection", f"{new}.skip_connection.conv")

    def attention(self, old: str, new: str, num_heads: int) -> None:
        """Move an attention block, whose rows are ordered (head, [q, k, v], channel): QKVAttentionLegacy."""
        self.layer(f"{old}.norm", f"{new}.norm")
        self.layer(f"{old}.proj_out", f"{new}.attn.out_proj")
        weight, bias = self.take(f"{old}.qkv.weight").squeeze(-1), self.take(f"{old}.qkv.bias")
        channels = len(weight) // 3 if weight.ndim == 2 else 0
        if channels < 1 or weight.shape != (3 * channels, channels) or channels % num_heads:
            raise DataError(f"{old}.qkv.weight of shape {tuple(weight.shape)} does not fit {num_heads} attention heads")
        if bias.shape != (3 * channels,):
            raise DataError(f"{old}.qkv.bias: expected {(3 * channels,)}, found {tuple(bias.shape)}")
        weights = weight.reshape(num_heads, 3, -1, channels).unbind(1)
        biases = bias.reshape(num_heads, 3, -1).unbind(1)
        for letter, w, b in zip("qkv", weights, biases, strict=True):
            self.moved[f"{new}.attn.to_{letter}.weight"] = w.reshape(channels, channels)
            self.moved[f"{new}.attn.to_{letter}.bias"] = b.reshape(channels)

    def down_path(
        self, num_levels: int, num_res_blocks: int, attention_levels: tuple[bool, ...], updown: bool, heads: list[int]
    ) -> None:
        """Move embedding, first convolution, all input_blocks and the middle block.

        Args:
            num_levels: number of resolutions.
            num_res_blocks: residual blocks per level.
            attention_levels: whether a level has attention.
            updown: sizes change in residual blocks.
            heads: attention heads of each level; the middle block has those of the last.
        """
        self.layer("time_embed.0", "time_embed.0")
        self.layer("time_embed.2", "time_embed.2")
        self.layer("input_blocks.0.0", "conv_in.conv")
        for level in range(num_levels):
            first = 1 + level * (num_res_blocks + 1)
            for r in range(num_res_blocks):
                self.res_block(f"input_blocks.{first + r}.0", f"down_blocks.{level}.resnets.{r}")
                if attention_levels[level]:
                    new = f"down_blocks.{level}.attentions.{r}"
                    self.attention(f"input_blocks.{first + r}.1", new, heads[level])
            if level < num_levels - 1:
                old = f"input_blocks.{first + num_res_blocks}.0"
                if updown:
                    self.res_block(old, f"down_blocks.{level}.downsampler")
                else:
                    self.layer(f"{old}.op", f"down_blocks.{level}.downsampler.op.conv")
        self.res_block("middle_block.0", "middle_block.resnet_1")
        self.attention("middle_block.1", "middle_block.attention", heads[-1])
        self.res_block("middle_block.2", "middle_block.resnet_2")

    def finish(self, network_type: Callable[..., nn.Module], kwargs: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Check that everything was moved and fits.

        Args:
            network_type: class of the network that the tensors are for.
            kwargs: arguments of its constructor.

        Returns:
            A state dict that ``network.load_state_dict(..., strict=True)`` takes.

        Raises:
            DataError: if tensors are left over, missing, or of another shape, or there is no such network.
        """
        if self.left:
            raise DataError(f"{len(self.left)} unexpected tensors: {sorted(self.left)[:5]}")
        try:
            with torch.device("meta"):
                network = network_type(**kwargs)
        except (ValueError, ArithmeticError) as e:
            raise DataError(f"no network can be built of the channels {kwargs['channels']} that were found: {e}") from e
        expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in self.moved.items()}
        wrong = [
            f"{name}: expected {expected.get(name)}, found {found.get(name)}"
            for name in sorted(expected.keys() | found.keys())
            if expected.get(name) != found.get(name)
        ]
        if wrong:
            raise DataError(f"{len(wrong)} tensors do not fit the network: {'; '.join(wrong[:5])}")
        return self.moved
