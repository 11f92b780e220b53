# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.handlers import SaveClassifications
from monai_anomaly.utils import DataError
from tests.visualize.pictures import cells

from .completed_iteration import complete

AFFINE = torch.tensor([[0.0, -3, 0, 5], [2, 0, 0, -7], [0, 0, 4, 11], [0, 0, 0, 1]], dtype=torch.float64)


def result(*spatial: int, probability: tuple[float, ...] = (0.25, 0.75)) -> dict[str, Any]:
    g = torch.Generator().manual_seed(0)
    image, found = (MetaTensor(torch.rand(1, *spatial, generator=g), affine=AFFINE) for _ in range(2))
    distance = torch.tensor([1.5, *[0.25] * (len(probability) - 1)])
    return {"input": image, "map": found, "probability": torch.tensor(probability), "distance": distance}


def save(folder: Path, found: dict[str, Any], **options: Any) -> Any:
    complete(SaveClassifications(folder, **options), [{"subject": "p"}], [found])
    return json.loads((folder / "p" / "scores.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("spatial", [(6, 7, 5), (6, 7)])
def test_map_has_the_inputs_geometry(tmp_path: Path, spatial: tuple[int, ...]) -> None:
    found = result(*spatial)
    save(tmp_path, found)
    assert {p.name for p in (tmp_path / "p").iterdir()} == {"map.nii.gz", "scores.json", "figure.png", "report.html"}
    written = nib.load(tmp_path / "p" / "map.nii.gz")
    np.testing.assert_allclose(written.affine, AFFINE)
    np.testing.assert_array_equal(np.asanyarray(written.dataobj), found["map"].numpy()[0])
    rows, columns = (3, 6) if len(spatial) == 3 else (1, 2)
    assert len(cells(tmp_path / "p" / "figure.png", rows, columns)) == rows


def test_scores_tell_the_class_and_every_class(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    scores = save(tmp_path, result(6, 7, 5))
    assert scores["class"] == {"index": 1, "name": "diseased"} and scores["map"]["class"] == "diseased"
    assert scores["probability"] == {"healthy": 0.25, "diseased": 0.75}
    assert scores["distance"] == {"healthy": 1.5, "diseased": 0.25}
    assert "p: diseased (healthy p = 0.25, distance 1.50; diseased p = 0.75" in capsys.readouterr().out
    assert save(tmp_path, result(6, 7, 5), target=0)["map"]["class"] == "healthy"


def test_any_number_of_classes_and_no_centers(tmp_path: Path) -> None:
    found = result(6, 7, 5, probability=(0.2, 0.5, 0.3))
    del found["distance"]
    scores = save(tmp_path, found, class_names=["a", "b", "c"])
    assert scores["class"]["name"] == "b" and "distance" not in scores
    with pytest.raises(DataError, match=r"expected 2 classes, .* gives 3"):
        save(tmp_path / "new", found)
    assert not (tmp_path / "new").exists()


def test_the_page_lies_as_the_input_does(tmp_path: Path) -> None:
    """The network's own image, on another grid, is still among the results of a real inference."""
    found = result(8, 8, 4)
    found["input"][:] = 0
    found["input"][:, 6:, 6:] = 1
    other = MetaTensor(torch.rand(1, 3, 3, 3), affine=torch.diag(torch.tensor([-9.0, -9, 9, 1])))
    pages = []
    for name, extra in {"alone": {}, "beside": {"image": other}}.items():
        save(tmp_path / name, found | extra)
        pages.append((tmp_path / name / "p" / "report.html").read_text(encoding="utf-8"))
    pictures = [re.findall(r"data:image[^\"]+|aspect-ratio: [0-9.]+", page) for page in pages]
    assert pictures[0] == pictures[1] and pictures[0][0] == "aspect-ratio: 1.5000"
