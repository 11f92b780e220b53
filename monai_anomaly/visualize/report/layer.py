# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..case_figures import case_slices
from ..orientation import turn_slice
from ..style import DIFFERENCE_COLORS, MAP_COLORS, PREDICTED

__all__ = ["LAID_OVER", "ReportLayer", "color_steps", "encode_layer"]

FINEST = 384
"""Pixels along a side of a slice in a page, at most."""
LAID_OVER = {"map": MAP_COLORS, "difference": DIFFERENCE_COLORS}
"""Color maps of the kinds that are laid over."""


@dataclass(frozen=True)
class ReportLayer:
    """One view of a case that a page can show.

    Args:
        name: on the page.
        values: (X, Y) or (X, Y, Z).
        kind: ``"image"``, gray; ``"map"``, laid over it, seen through where it is low; ``"difference"``, the same with
            its sign; ``"outline"`` of a mask.
        limits: values shown as black and white; of what is laid over, as nothing and in full.
        color: of an outline.
    """

    name: str
    values: np.ndarray
    kind: str = "image"
    limits: tuple[float, float] = (0.0, 1.0)
    color: str = PREDICTED


def encode_layer(layer: ReportLayer, affine: np.ndarray | None) -> list[str]:
    """Every axial slice of a layer as the address of a picture that holds its own data; of an outline as an SVG path.

    Args:
        layer: the view.
        affine: (4, 4), by which slices are turned upright; None: a photograph or X-ray, whose y grows downward.

    Returns:
        One text per slice; "" where nothing is laid over.
    """
    slices = [turn_slice(s, affine is not None) for s in case_slices(layer.values, affine)]
    encode = {"image": _gray, "map": _map, "difference": _map, "outline": _path}[layer.kind]
    return [encode(np.asarray(s, np.float32), layer) for s in slices]


def color_steps(layer: ReportLayer, count: int = 9) -> list[str]:
    """Colors from the lower limit of a map to the upper one, as ``#rrggbb``."""
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in _colors(layer, count)]


def _colors(layer: ReportLayer, count: int) -> np.ndarray:
    from matplotlib import colormaps

    colors = colormaps[LAID_OVER[layer.kind]](np.linspace(0, 1, count))[:, :3]
    return np.asarray(np.round(colors * 255), np.uint8)


def _gray(values: np.ndarray, layer: ReportLayer) -> str:
    from PIL import Image

    low, high = layer.limits
    gray = np.clip((np.nan_to_num(values) - low) / (high - low), 0, 1) * 255
    return _address(Image.fromarray(gray.round().astype(np.uint8)), "JPEG", quality=90)


def _map(values: np.ndarray, layer: ReportLayer) -> str:
    """A PNG whose colors and opacities are those of 256 steps from the lower limit to the upper one."""
    from PIL import Image

    low, high = layer.limits
    shown = np.clip((np.nan_to_num(values) - low) / (high - low), 0, 1)
    steps = np.arange(256) / 255
    opacity = np.abs(2 * steps - 1) if layer.kind == "difference" else np.minimum(1, 2 * steps)
    index = np.round(shown * 255).astype(np.uint8)
    if not (opacity[index] > 0.02).any():
        return ""
    picture = Image.fromarray(index, mode="P")
    picture.putpalette(_colors(layer, 256).tobytes())
    return _address(picture, "PNG", transparency=(opacity * 255).round().astype(np.uint8).tobytes())


def _path(values: np.ndarray, layer: ReportLayer) -> str:
    """Lines around what is above 0, in pixels from the upper left corner."""
    from contourpy import contour_generator

    mask = np.pad((values > 0).astype(float), 1)  # closed at the border
    if not mask.any():
        return ""
    columns, rows = (np.arange(size) - 0.5 for size in (mask.shape[1], mask.shape[0]))
    lines: Any = contour_generator(x=columns, y=rows, z=mask).lines(0.5)
    return "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in line) for line in lines)


def _address(picture: Any, kind: str, **options: Any) -> str:
    """Of a PIL image, made smaller where it is too large."""
    out = io.BytesIO()
    picture.thumbnail((FINEST, FINEST))
    picture.save(out, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"
