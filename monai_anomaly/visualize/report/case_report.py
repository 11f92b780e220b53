# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import html
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from string import Template
from typing import Any

import numpy as np

from ...utils import atomic_write, voxel_size
from ..case_figures import case_slices
from .layer import LAID_OVER, ReportLayer, color_steps, encode_layer
from .page import RESEARCH_ONLY, html_page, page_part, plain

__all__ = ["write_case_report"]


def write_case_report(
    path: str | os.PathLike,
    title: str,
    layers: Sequence[ReportLayer],
    facts: Mapping[str, str],
    details: Mapping[str, Mapping[str, Any]],
    warnings: Sequence[str] = (),
    affine: np.ndarray | None = None,
    directions: bool = False,
) -> None:
    """A page of one case: its slices to scroll through with what was found, one image beside another under a slider,
    the numbers, and what they were made with.

    Args:
        path: HTML to write; it needs no other file.
        title: the case.
        layers: one image at least, first the input; maps, differences and outlines are laid over. All of one shape. The
            slice shown first is the one with the largest outline, or else the highest map.
        facts: what was found, in words.
        details: tables that open on a click, by their titles, such as settings and versions.
        warnings: shown above all.
        affine: see `encode_layer`.
        directions: print the directions of the world beside the slices, which are axial.
    """
    encoded = [_encoded(layer, affine) for layer in layers]
    width, height, ratio = _shape(layers[0].values, affine)
    found = _profile(layers, affine)
    start = int(np.argmax(found)) if any(found) else len(encoded[0]["slices"]) // 2
    case = {"layers": encoded, "width": width, "height": height, "profile": found, "start": start}
    viewer = Template(page_part("viewer.html")).substitute(
        ratio=f"{ratio:.4f}", upright="upright" if directions else "flat"
    )
    body = [f"<h1>{plain(title)}</h1>", f"<p class='only'>{RESEARCH_ONLY}</p>"]
    body += [f"<p class='warning'>{html.escape(warning)}</p>" for warning in warnings]
    body += [viewer, _table(facts.items())]
    for name, table in details.items():
        rows = ((key, _text(value)) for key, value in table.items())
        body.append(f"<details><summary>{html.escape(name)}</summary>{_table(rows)}</details>")
    data = json.dumps(case).replace("<", "\\u003c")  # no name ends the script
    body.append(f"<script type='application/json' id='case'>{data}</script>")
    with atomic_write(path) as f:
        f.write(html_page(title, "\n".join(body), page_part("viewer.js")))


def _encoded(layer: ReportLayer, affine: np.ndarray | None) -> dict[str, Any]:
    about = {"name": layer.name, "kind": layer.kind, "color": layer.color, "slices": encode_layer(layer, affine)}
    if layer.kind in LAID_OVER:
        about |= {"limits": [f"{limit:.3g}" for limit in layer.limits], "colors": color_steps(layer)}
    return about


def _shape(values: np.ndarray, affine: np.ndarray | None) -> tuple[int, int, float]:
    """Pixels across and down a slice, and how much wider than high it is in the world."""
    width, height = case_slices(values, affine).shape[1:]
    if affine is None:
        return width, height, width / height
    import nibabel as nib

    axes = nib.orientations.io_orientation(affine)[:, 0].astype(int).tolist()
    shown = [axis for axis in (0, 1, 2) if axis != (2 if values.ndim == 3 else axes[2])]
    across, down = (voxel_size(affine)[axes.index(axis)] for axis in shown)
    return width, height, float(width * across / (height * down))


def _profile(layers: Sequence[ReportLayer], affine: np.ndarray | None) -> list[float]:
    """How much is found in each slice, as a share of the most."""
    kinds = ("outline", "map", "difference")
    found = next((layer for kind in kinds for layer in layers if layer.kind == kind and layer.values.any()), None)
    if found is None:
        return []
    slices = np.abs(np.nan_to_num(case_slices(found.values, affine).astype(np.float64))).sum((1, 2))
    return np.round(slices / (slices.max() or 1.0), 4).tolist()


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = (f"<tr><th>{html.escape(str(k))}</th><td>{html.escape(str(v))}</td></tr>" for k, v in rows)
    return f"<table>{''.join(cells)}</table>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
