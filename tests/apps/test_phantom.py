# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_anomaly.apps.phantom import phantom


def test_phantom_writes_data_and_figures(tmp_path):
    path = phantom(str(tmp_path / "p"), subjects=3, spacing=6.0, lesions="tumour,ms", sites="A,B")
    names = {p.name for p in (tmp_path / "p").iterdir()}
    assert path.endswith("datalist.json")
    assert names == {
        "datalist.json", "phantom.json", "subjects.png", "uniqueness.png", "sub-0001", "sub-0002", "sub-0003",
    }  # fmt: skip
    assert phantom(str(tmp_path / "p"), 3, spacing=6.0, lesions=("tumour", "ms"), sites="AB", figures=False) == path
