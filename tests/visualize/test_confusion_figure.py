# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_anomaly.visualize import confusion_figure
from monai_anomaly.visualize.style import DIM

from .pictures import pixels, rgb


def test_the_share_of_a_row_is_its_brightness(tmp_path: Path) -> None:
    matrices = {"all": np.array([[30, 10], [0, 2]]), "site": np.array([[0, 0], [5, 5]])}
    confusion_figure(tmp_path / "c.png", matrices, ["healthy", "diseased"])
    alone = {name: pixels_of(tmp_path / f"{name}.png", {name: matrix}) for name, matrix in matrices.items()}
    # 2 of 2 diseased are called right, which is brighter than 30 of 40 healthy
    assert alone["all"][1, 1] > alone["all"][0, 0] > alone["all"][0, 1] > alone["all"][1, 0]
    assert alone["site"][1, 0] == alone["site"][1, 1] and alone["site"][0, 0] == alone["site"][0, 1]
    assert alone["site"][0, 0] == rgb(DIM).mean()  # no case of the class: no share either
    assert pixels(tmp_path / "c.png").shape[1] > pixels(tmp_path / "all.png").shape[1]


def test_many_parts_stand_in_rows(tmp_path: Path) -> None:
    shape = {}
    for count in (6, 7, 13):
        confusion_figure(tmp_path / "c.png", {str(i): np.eye(2, dtype=int) for i in range(count)}, ["a", "b"])
        shape[count] = pixels(tmp_path / "c.png").shape
    assert shape[6][1] == shape[7][1] == shape[13][1] and shape[6][0] < shape[7][0] < shape[13][0]


def pixels_of(path: Path, matrices: dict[str, np.ndarray]) -> np.ndarray:
    """Brightness of the four cells, beside their numbers."""
    confusion_figure(path, matrices, ["healthy", "diseased"])
    picture = pixels(path)
    saturated = np.flatnonzero((picture.max(-1) < 8).any(0) | (np.ptp(picture, axis=-1) > 60).any(0))
    left, right = saturated[0], saturated[-1]
    rows = np.flatnonzero((picture[:, left + 5].max(-1) < 8) | (np.ptp(picture[:, left + 5], axis=-1) > 60))
    top, bottom = rows[0], rows[-1]
    at = [
        (top + (bottom - top) * (0.1 + 0.5 * i), left + (right - left) * (0.1 + 0.5 * j))
        for i in (0, 1)
        for j in (0, 1)
    ]
    return np.array([picture[int(y), int(x)].mean() for y, x in at]).reshape(2, 2)
