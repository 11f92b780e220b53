# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.phantom.contrast import CONTRASTS
from ..data.phantom.subject import PhantomSubject
from ..data.phantom.uniqueness import brain_scaled, residual_correlation
from ..utils import atomic_path

__all__ = ["phantom_figure", "uniqueness_figure"]


def phantom_figure(subjects: Sequence[PhantomSubject], path: str | os.PathLike, z: int | None = None) -> Path:
    """A row for each subject: the four contrasts, the FLAIR of the healthy twin, and the truth.

    Args:
        subjects: who to show.
        path: the PNG to write.
        z: axial slice; by default the one with most lesion, or the middle.
    """
    columns = len(CONTRASTS) + 2
    figure, axes = _axes(len(subjects), columns)
    for row, s in zip(axes, subjects, strict=True):
        area = (s.label > 0).sum((0, 1))
        k = z if z is not None else int(np.argmax(area)) if area.any() else int(0.53 * len(area))
        image, twin = brain_scaled(s.image, s.mask), brain_scaled(s.twin, s.mask)
        for a, channel, name in zip(row, [*image, twin[-1]], [*CONTRASTS, "twin flair"], strict=False):
            _show(a, channel[:, :, k], f"{name}, site {s.site}")
        _show(row[-1], s.tissue[:, :, k] / 3, f"{s.lesion or 'healthy'}, seed {s.seed}")
        label = np.ma.masked_equal(s.label[:, :, k], 0)
        row[-1].imshow(np.rot90(label), cmap="autumn", vmin=1, vmax=5, interpolation="nearest")
    return _save(figure, path)


def uniqueness_figure(
    subjects: Sequence[PhantomSubject], path: str | os.PathLike, channel: int = 0, z: int | None = None
) -> Path:
    """Show that no two subjects are copies: one slice of each, and the correlations of ``residual_correlation``.

    Args:
        subjects: subjects of one site.
        path: the PNG to write.
        channel: which contrast.
        z: axial slice; the middle by default.
    """
    columns = int(np.ceil(np.sqrt(len(subjects))))
    rows = int(np.ceil(len(subjects) / columns))
    figure, axes = _axes(rows, columns + 2)
    for a in axes.ravel():
        a.axis("off")
    for i, s in enumerate(subjects):
        k = int(0.53 * s.mask.shape[2]) if z is None else z
        scaled = brain_scaled(s.image[channel : channel + 1], s.mask)[0]
        _show(axes[i // columns, i % columns], scaled[:, :, k], f"seed {s.seed}")
    correlation = residual_correlation(subjects, channel)
    grid = axes[0, 0].get_gridspec()
    panel = figure.add_subplot(grid[:, columns:])
    shown = panel.imshow(correlation, vmin=-1, vmax=1, cmap="coolwarm")
    apart = correlation[~np.eye(len(subjects), dtype=bool)]
    panel.set_title(
        f"residual correlation, {CONTRASTS[channel]}\nlargest between subjects {apart.max():.2f}", fontsize=8
    )
    figure.colorbar(shown, ax=panel, shrink=0.6)
    return _save(figure, path)


def _axes(rows: int, columns: int) -> tuple[Any, np.ndarray]:
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    figure = Figure(figsize=(1.9 * columns, 2.4 * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _show(axis: Any, image: np.ndarray, title: str) -> None:
    axis.imshow(np.rot90(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axis.set_title(title, fontsize=8)
    axis.axis("off")


def _save(figure: Any, path: str | os.PathLike) -> Path:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return Path(path)
