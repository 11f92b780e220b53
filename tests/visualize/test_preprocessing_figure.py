# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor

from monai_anomaly.registration import BrainTemplate, Volume
from monai_anomaly.visualize import preprocessing_figure
from monai_anomaly.visualize.style import TRUTH

from .pictures import has_color, pixels

AFFINE = np.diag([4.0, 4, 4, 1])
AFFINE[:3, 3] = -40
HEAD = ((np.indices((20, 20, 20)) - 9.5) ** 2).sum(0) < 64


def scan(values: np.ndarray) -> MetaTensor:
    return MetaTensor(torch.from_numpy(np.float32(values))[None], affine=torch.from_numpy(AFFINE))


def test_scan_and_results_with_their_outlines(tmp_path: Path) -> None:
    """The reference has a bright spot left of the middle."""
    template = BrainTemplate("ball", "", Volume(np.float32(HEAD), AFFINE))
    image = 0.5 * HEAD
    image[5:9, 8:12, 8:12] = 1
    results = {"t1": scan(image), "t2": scan(0.5 * HEAD)}
    preprocessing_figure(tmp_path / "a.png", scan(image), scan(HEAD), results, template, "title")
    rows = np.array_split(pixels(tmp_path / "a.png"), 3)
    for row in rows[:2]:
        axial, coronal, sagittal = np.array_split(row, 3, axis=1)
        for view in (axial, coronal):
            down, x = np.nonzero((view.min(-1) > 235) & (np.arange(len(view)) > 50)[:, None])
            assert x.mean() < 0.5 * view.shape[1] and abs(down.mean() / len(view) - 0.55) < 0.1
        assert all(has_color(view, TRUTH).sum() > 100 for view in (axial, coronal, sagittal))
    drawn = [has_color(view, TRUTH).sum() > 100 for view in np.array_split(rows[2], 3, axis=1)]
    assert drawn == [True, False, False]  # the other contrast, and no more
    preprocessing_figure(tmp_path / "b.png", scan(image), scan(HEAD), {"t1": results["t1"]}, template)
    assert abs(len(pixels(tmp_path / "b.png")) * 3 - len(pixels(tmp_path / "a.png")) * 2) <= 3
