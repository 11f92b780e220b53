# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from monai_anomaly.apps.chest import chest


def test_chest_writes_data_and_a_picture(tmp_path: Path) -> None:
    path = chest(str(tmp_path / "c"), size=48, per_class=(1, 1, 1), figure_size=48)
    names = {p.name for p in (tmp_path / "c").iterdir()}
    assert path.endswith("datalist.json")
    assert names == {"chest.json", "chest.png", "datalist.json", "test", "training", "validation"}
    assert chest(str(tmp_path / "c"), 48, [1, 1, 1], figure=False) == path
