# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from monai_anomaly.apps.phantom import phantom


def test_phantom_writes_data_and_figures(tmp_path):
    path = phantom(str(tmp_path / "p"), subjects=3, spacing=6.0, lesions="tumour,ms", sites="A,B")
    names = {p.name for p in (tmp_path / "p").iterdir()}
    assert path.endswith("datalist.json")
    assert names == {
        "datalist.json", "phantom.json", "subjects.png", "uniqueness.png", "sub-0001", "sub-0002", "sub-0003",
    }  # fmt: skip
    arguments = {"lesions": "tumour,ms", "sites": "A,B", "figures": False, "split": (0, 0, 1), "counterfactuals": 1.3}
    listed = Path(phantom(str(tmp_path / "q"), subjects=3, spacing=6.0, **arguments))
    assert "grow-1.3" in listed.read_text(encoding="utf-8")
    assert phantom(str(tmp_path / "p"), 3, spacing=6.0, lesions=("tumour", "ms"), sites="AB", figures=False) == path
