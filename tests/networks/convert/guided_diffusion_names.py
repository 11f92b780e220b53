# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Names and shapes of guided-diffusion's networks, written down from their structure, for tests without its code."""

from __future__ import annotations

import torch

Shapes = dict[str, tuple[int, ...]]


def _layer(name: str, out: int, *rest: int) -> Shapes:
    return {f"{name}.weight": (out, *rest), f"{name}.bias": (out,)}


def _res_block(name: str, inp: int, out: int, emb: int, scale_shift: bool) -> Shapes:
    shapes = _layer(f"{name}.in_layers.0", inp) | _layer(f"{name}.in_layers.2", out, inp, 3, 3)
    shapes |= _layer(f"{name}.emb_layers.1", out * (2 if scale_shift else 1), emb)
    shapes |= _layer(f"{name}.out_layers.0", out) | _layer(f"{name}.out_layers.3", out, out, 3, 3)
    return shapes | (_layer(f"{name}.skip_connection", out, inp, 1, 1) if inp != out else {})


def _attention(name: str, c: int) -> Shapes:
    return _layer(f"{name}.norm", c) | _layer(f"{name}.qkv", 3 * c, c, 1) | _layer(f"{name}.proj_out", c, c, 1)


def _down_path(
    inp: int, channels: list[int], depth: int, attention: list[bool], scale_shift: bool, updown: bool
) -> tuple[Shapes, list[int]]:
    """Shapes up to the middle block, and the channels of every entry of input_blocks (the UNet's skips)."""
    c, emb, i = channels[0], 4 * channels[0], 0
    shapes = (
        _layer("time_embed.0", emb, c) | _layer("time_embed.2", emb, emb) | _layer("input_blocks.0.0", c, inp, 3, 3)
    )
    skips = [c]
    for level, width in enumerate(channels):
        for _ in range(depth):
            i += 1
            shapes |= _res_block(f"input_blocks.{i}.0", c, width, emb, scale_shift)
            shapes |= _attention(f"input_blocks.{i}.1", width) if attention[level] else {}
            c = width
            skips.append(c)
        if level < len(channels) - 1:
            i += 1
            down = f"input_blocks.{i}.0"
            shapes |= _res_block(down, c, c, emb, scale_shift) if updown else _layer(f"{down}.op", c, c, 3, 3)
            skips.append(c)
    for part in ("middle_block.0", "middle_block.2"):
        shapes |= _res_block(part, c, c, emb, scale_shift)
    return shapes | _attention("middle_block.1", c), skips


def unet(
    inp: int = 4,
    out: int = 8,
    channels: tuple[int, ...] = (128, 128, 256, 256, 512, 512),
    depth: int = 2,
    attention: tuple[bool, ...] = (False, False, False, False, True, False),
    classes: int | None = 2,
    scale_shift: bool = False,
    updown: bool = False,
) -> Shapes:
    """Shapes of a UNetModel; the defaults are those of the published anomaly model."""
    shapes, skips = _down_path(inp, list(channels), depth, list(attention), scale_shift, updown)
    c, emb, i = channels[-1], 4 * channels[0], 0
    if classes is not None:
        shapes["label_emb.weight"] = (classes, emb)
    for level in reversed(range(len(channels))):
        for r in range(depth + 1):
            shapes |= _res_block(f"output_blocks.{i}.0", c + skips.pop(), channels[level], emb, scale_shift)
            shapes |= _attention(f"output_blocks.{i}.1", channels[level]) if attention[level] else {}
            c = channels[level]
            if level and r == depth:
                up = f"output_blocks.{i}.{2 if attention[level] else 1}"
                shapes |= _res_block(up, c, c, emb, scale_shift) if updown else _layer(f"{up}.conv", c, c, 3, 3)
            i += 1
    return shapes | _layer("out.0", c) | _layer("out.2", out, c, 3, 3)


def encoder(
    inp: int = 4,
    out: int = 2,
    channels: tuple[int, ...] = (32, 32, 64, 64, 128, 128),
    depth: int = 4,
    attention: tuple[bool, ...] = (False, False, False, True, True, True),
    scale_shift: bool = True,
    updown: bool = True,
    pool: str = "attention",
    grid: int = 8,
) -> Shapes:
    """Shapes of an EncoderUNetModel; the defaults are those of the published classifier."""
    shapes, _ = _down_path(inp, list(channels), depth, list(attention), scale_shift, updown)
    c = channels[-1]
    if pool == "attention":
        shapes |= _layer("out.0", c) | {"out.2.positional_embedding": (c, grid * grid + 1)}
        return shapes | _layer("out.2.qkv_proj", 3 * c, c, 1) | _layer("out.2.c_proj", out, c, 1)
    if pool == "adaptive":
        return shapes | _layer("out.0", c) | _layer("out.3", out, c, 1, 1)
    return shapes | _layer("out.0", 2048, 5 * c) | _layer("out.2", out, 2048)  # "spatial"


def fill(shapes: Shapes, device: str = "cpu") -> dict[str, torch.Tensor]:
    """A state dict of these shapes; every entry of it is a different random number."""
    generator = torch.Generator().manual_seed(0)
    if device == "meta":
        return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    return {name: torch.randn(shape, generator=generator) * 0.1 for name, shape in shapes.items()}
