# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_anomaly.apps.phantom import phantom
from monai_anomaly.utils import DataError


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


def test_a_design_as_text_and_as_a_file(tmp_path):
    groups = [{"site": "A", "lesion": "ms", "training": 1}, {"site": "E", "lesion": None, "test": 1}]
    text = json.dumps(groups)
    (tmp_path / "design.json").write_text(text)
    arguments = {"spacing": 6.0, "contrasts": "t1,flair", "twin": False}
    path = Path(phantom(str(tmp_path / "p"), groups=text, **arguments))
    lists = json.loads(path.read_text(encoding="utf-8"))
    assert lists["modalities"] == ["t1", "flair"] and lists["parameters"]["groups"] == groups
    assert (tmp_path / "p" / "subjects.png").is_file()
    again = phantom(str(tmp_path / "p"), groups=str(tmp_path / "design.json"), figures=False, **arguments)
    assert again == str(path)


@pytest.mark.parametrize("groups", ["[{", "nowhere.json", '["A"]'])
def test_a_design_that_cannot_be_read(tmp_path, groups):
    with pytest.raises(DataError, match="groups"):
        phantom(str(tmp_path / "p"), groups=groups)
