# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ...utils import DataError
from .checkpoint import clean_state_dict

__all__ = ["NetworkDescription", "detect"]


@dataclass(frozen=True)
class NetworkDescription:
    """What the names and shapes of a guided-diffusion checkpoint tell about its network.

    They do not tell the number of attention heads, nor the image size (except for an attention pool).

    Attributes:
        kind: ``"unet"`` (UNetModel) or ``"encoder"`` (EncoderUNetModel: classifier, regressor).
        in_channels: channels of the input.
        out_channels: channels, classes or scalars of the output.
        channels: channels of each level, full resolution first.
        num_res_blocks: residual blocks per level.
        attention_levels: whether a level has attention.
        num_classes: entries of the label embedding; None if unconditional.
        scale_shift: the embedding scales and shifts the features instead of being added.
        resblock_updown: sizes change in residual blocks instead of plain convolutions.
        pool: head of an encoder: ``"attention"``, ``"adaptive"`` or ``"spatial"`` (also spatial_v2); None for a UNet.
        input_size: image size, known for an attention pool only.
    """

    kind: str
    in_channels: int
    out_channels: int
    channels: tuple[int, ...]
    num_res_blocks: int
    attention_levels: tuple[bool, ...]
    num_classes: int | None
    scale_shift: bool
    resblock_updown: bool
    pool: str | None
    input_size: int | None


def detect(state_dict: Mapping[str, torch.Tensor], num_res_blocks: int | None = None) -> NetworkDescription:
    """Describe the network that a guided-diffusion checkpoint belongs to.

    Args:
        state_dict: tensors by name.
        num_res_blocks: residual blocks per level; needed only where the names allow several answers (an encoder whose
            sizes change in residual blocks and that has attention in the middle block alone).

    Raises:
        DataError: if it is no guided-diffusion network, a tensor is missing, or the levels are ambiguous.
    """
    state_dict = clean_state_dict(state_dict)
    if not any(k.startswith("input_blocks.") for k in state_dict):
        raise DataError(
            "expected a guided-diffusion network (names like 'input_blocks.0.0.weight'), found names like "
            f"{sorted(state_dict)[:3]}"
        )
    kind = "unet" if any(k.startswith("output_blocks.") for k in state_dict) else "encoder"
    blocks = [_Block(state_dict, i) for i in range(1, _count(state_dict, "input_blocks"))]
    if not blocks:
        raise DataError("missing tensor 'input_blocks.1.0.in_layers.0.weight'")
    updown = not any(block.is_convolution for block in blocks)
    depth = _depth(blocks, updown, num_res_blocks, _count_up_blocks(state_dict) if kind == "unet" else None)
    firsts = blocks[:: depth + 1]
    pool, out_channels = _head(state_dict) if kind == "encoder" else (None, _shape(state_dict, "out.2.weight", 4)[0])
    input_size = None
    if pool == "attention":
        columns = _shape(state_dict, "out.2.positional_embedding", 2)[1]
        side = math.isqrt(columns - 1)
        if side < 1 or side * side != columns - 1:
            raise DataError(f"out.2.positional_embedding: expected 1 + n * n columns, found {columns}")
        input_size = side * 2 ** (len(firsts) - 1)
    return NetworkDescription(
        kind=kind,
        in_channels=_shape(state_dict, "input_blocks.0.0.weight", 4)[1],
        out_channels=out_channels,
        channels=tuple(block.out_channels for block in firsts),
        num_res_blocks=depth,
        attention_levels=tuple(block.attends for block in firsts),
        num_classes=_shape(state_dict, "label_emb.weight", 2)[0] if "label_emb.weight" in state_dict else None,
        scale_shift=_shape(state_dict, "input_blocks.1.0.emb_layers.1.weight", 2)[0] == 2 * blocks[0].out_channels,
        resblock_updown=updown and len(firsts) > 1,
        pool=pool,
        input_size=input_size,
    )


class _Block:
    """One entry of ``input_blocks``: a residual block, perhaps with attention, or a halving convolution."""

    def __init__(self, state_dict: Mapping[str, torch.Tensor], index: int) -> None:
        prefix = f"input_blocks.{index}"
        self.is_convolution = f"{prefix}.0.op.weight" in state_dict
        self.attends = f"{prefix}.1.qkv.weight" in state_dict
        name = f"{prefix}.0.op.weight" if self.is_convolution else f"{prefix}.0.in_layers.2.weight"
        self.out_channels, self.in_channels = _shape(state_dict, name, 4)[:2]


def _shape(state_dict: Mapping[str, torch.Tensor], name: str, *ranks: int) -> tuple[int, ...]:
    if name not in state_dict:
        raise DataError(f"missing tensor {name!r}")
    shape = tuple(state_dict[name].shape)
    if len(shape) not in ranks or 0 in shape:
        raise DataError(f"{name}: expected a tensor of {' or '.join(map(str, ranks))} axes, found the shape {shape}")
    return shape


def _count(state_dict: Mapping[str, torch.Tensor], group: str) -> int:
    numbers = (re.match(rf"{group}\.(\d+)\.", name) for name in state_dict)
    return 1 + max((int(number[1]) for number in numbers if number), default=0)


def _count_up_blocks(state_dict: Mapping[str, torch.Tensor]) -> int:
    """Doubling layers of a UNet: a second residual block or a convolution in one entry of ``output_blocks``."""
    ends = (".in_layers.0.weight", ".conv.weight")
    names = (k.split(".") for k in state_dict if k.startswith("output_blocks.") and k.endswith(ends))
    return sum(parts[2] != "0" for parts in names)


def _depth(blocks: list[_Block], updown: bool, asked: int | None, num_up: int | None) -> int:
    """Residual blocks per level, from the places where the size, the channels and the attention can change."""
    total = len(blocks) + 1  # each level but the last ends with a halving block
    fits = []
    for period in range(2, total + 1):
        if total % period or (num_up is not None and total // period != num_up + 1):
            continue
        levels = [blocks[i : i + period - 1] for i in range(0, total, period)]
        downs = blocks[period - 1 :: period]
        if (
            all(len({b.attends for b in level}) == 1 for level in levels)
            and all(b.in_channels == b.out_channels for level in levels for b in level[1:])
            and all(b.in_channels == b.out_channels and not b.attends for b in downs)
            and all(b.is_convolution != updown for b in downs)
            and not any(b.is_convolution for level in levels for b in level)
        ):
            fits.append(period - 1)
    if asked is not None:
        fits = [depth for depth in fits if depth == asked]
    if not fits:
        wanted = "" if asked is None else f" of {asked} residual blocks"
        raise DataError(f"the {total} input_blocks do not divide into equal levels{wanted}")
    if len(fits) > 1:
        raise DataError(f"the names allow num_res_blocks of {fits}; say which one it is (argument num_res_blocks)")
    return fits[0]


def _head(state_dict: Mapping[str, torch.Tensor]) -> tuple[str, int]:
    """Pool and number of outputs of an encoder."""
    if "out.2.positional_embedding" in state_dict:
        return "attention", _shape(state_dict, "out.2.c_proj.weight", 3)[0]
    last = "out.3.weight" if "out.3.weight" in state_dict else "out.2.weight"
    shape = _shape(state_dict, last, 2, 4)
    return ("adaptive" if len(shape) == 4 else "spatial"), shape[0]
