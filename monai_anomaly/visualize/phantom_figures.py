# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ..data.phantom.contrast import CONTRASTS
from ..data.phantom.subject import PhantomSubject
from ..data.phantom.uniqueness import brain_scaled, residual_correlation
from .grid import GridColumn, Outline, draw_cell, draw_grid
from .style import COLORS, DIFFERENCE_COLORS, TEXT, new_figure, save_figure

__all__ = ["phantom_figure", "uniqueness_figure"]

CLASSES = {"core": 1, "edema": 2, "enhancing": 4, "MS lesion": 5}


def phantom_figure(path: str | os.PathLike, subjects: Sequence[PhantomSubject]) -> None:
    """One row per subject: the four contrasts, the FLAIR of the healthy twin, and the tissues with the true lesion.

    The slice is the one with most lesion, or the middle.

    Args:
        path: PNG to write.
        subjects: who to show.
    """
    views = []
    for s in subjects:
        area = (s.label > 0).sum((0, 1))
        k = int(np.argmax(area)) if area.any() else _middle(s)
        image, twin = brain_scaled(s.image, s.mask), brain_scaled(s.twin, s.mask)
        views.append(np.stack([*image, twin[-1], s.tissue / 3, s.label])[..., k])
    shown = np.stack(views, axis=1)
    columns = [GridColumn(name, images) for name, images in zip([*CONTRASTS, "twin flair"], shown, strict=False)]
    found = [(name, shown[-1] == value) for name, value in CLASSES.items()]
    outlines = [Outline(name, r, color, 2.0) for (name, r), color in zip(found, COLORS, strict=False) if r.any()]
    columns.append(GridColumn("tissue and lesion", shown[-2], (0, 2), smooth=False, outlines=outlines))
    labels = [f"seed {s.seed}, site {s.site}\n{s.lesion or 'healthy'}" for s in subjects]
    draw_grid(path, columns, labels, cell=1.9)


def uniqueness_figure(path: str | os.PathLike, subjects: Sequence[PhantomSubject], channel: int = 0) -> None:
    """Show that no two subjects are copies: one slice of each, and the correlations of `residual_correlation`.

    Args:
        path: PNG to write.
        subjects: subjects of one site.
        channel: which contrast.
    """
    columns = int(np.ceil(np.sqrt(len(subjects))))
    rows = int(np.ceil(len(subjects) / columns))
    figure = new_figure(1.9 * columns + 4.5, 2.4 * rows)
    share = 1.9 * columns / (1.9 * columns + 4.5)
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(0.02, 0.03, share, 0.93, 0.05, 0.15)
    for axis in axes.flat[len(subjects) :]:
        axis.axis("off")
    for axis, s in zip(axes.flat, subjects, strict=False):
        image = brain_scaled(s.image[channel, None], s.mask)[..., _middle(s)]
        draw_cell(axis, GridColumn("", image), 0, rotate=True)
        axis.set_title(f"seed {s.seed}", color=TEXT, fontsize=9)
    correlation = residual_correlation(subjects, channel)
    panel = figure.add_axes((share + 0.05, 0.05, 0.9 - share, 0.85))
    shown = panel.imshow(correlation, vmin=-1, vmax=1, cmap=DIFFERENCE_COLORS)
    others = correlation[~np.eye(len(subjects), dtype=bool)]
    largest = f"{others.max():.2f}" if others.size else "-"
    title = f"residual correlation, {CONTRASTS[channel]}\nlargest between subjects {largest}"
    panel.set_title(title, color=TEXT, fontsize=9)
    panel.set(xticks=range(len(subjects)), yticks=range(len(subjects)))
    panel.tick_params(colors=TEXT, labelsize=9)
    figure.colorbar(shown, ax=panel, shrink=0.6).ax.tick_params(colors=TEXT, labelsize=9)
    save_figure(figure, path)


def _middle(subject: PhantomSubject) -> int:
    """An axial slice through the ventricles."""
    return int(0.53 * subject.mask.shape[2])
