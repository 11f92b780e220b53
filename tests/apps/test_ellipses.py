# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from monai_anomaly.apps.ellipses import ellipses


def test_ellipses_writes_data_and_a_picture(tmp_path: Path) -> None:
    path = ellipses(str(tmp_path / "e"), size=32, per_class=(1, 1, 1), figure_size=32)
    names = {p.name for p in (tmp_path / "e").iterdir()}
    assert path.endswith("datalist.json")
    assert names == {"datalist.json", "ellipses.json", "ellipses.png", "test", "training", "validation"}
    assert ellipses(str(tmp_path / "e"), 32, [1, 1, 1], figure=False) == path
