# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A folder of photographs with ages, as in thesis ch. 8: from the table to batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader
from monai.transforms import Compose, Resized, ScaleIntensityRanged
from PIL import Image

from monai_anomaly.apps.datalist import datalist
from monai_anomaly.data import SliceDataset, load_datalist
from monai_anomaly.transforms import CheckImaged, LoadModalitiesd
from monai_anomaly.utils import DataError

AGES = [0, 1, 17, 33.5, 64, 100]


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Made-up faces, as red as the person is old, of any size and format; of one the age is not known."""
    rows = ["file,age"]
    for number, age in enumerate([*AGES, "unknown"]):
        width, height = 20 + 7 * number, 50 - 5 * number
        pixels = np.full((height, width, 3), [2 * AGES[number % 6], 10, 120], np.uint8)
        name = f"{number}.{('png', 'jpg', 'bmp')[number % 3]}"
        Image.fromarray(pixels).save(tmp_path / name)
        rows.append(f"{name},{age}")
    (tmp_path / "ages.csv").write_text("\n".join(rows))
    return tmp_path


def test_from_the_table_to_batches(faces: Path, capsys: pytest.CaptureFixture) -> None:
    out = faces / "datalist.json"
    datalist("table", faces / "ages.csv", out, label="None", subject="None", scalars="age", split="1,0,0")
    assert "expected a number in the column age, found 'unknown'" in capsys.readouterr().out
    samples = load_datalist(out, "training", requires=["age"], num_classes=1)
    assert sorted(sample["age"] for sample in samples) == AGES
    transform = Compose([
        LoadModalitiesd("image", color=True),
        CheckImaged("image", channels=3, spatial_dims=2, allow_empty=True),
        Resized("image", (32, 32)),
        ScaleIntensityRanged("image", 0, 255, 0, 1),
    ])  # fmt: skip
    (batch,) = DataLoader(SliceDataset(samples, transform, scalars=["age"], progress=False), batch_size=6)
    assert batch["image"].shape == (6, 3, 32, 32) and batch["age"].shape == (6, 1)
    red = batch["image"][:, 0].mean((1, 2)) * 255 / 2
    torch.testing.assert_close(red, batch["age"][:, 0], atol=3, rtol=0)


def test_a_datalist_without_ages_is_named(faces: Path) -> None:
    out = faces / "datalist.json"
    datalist("table", faces / "ages.csv", out, label="None", subject="None", split="1,0,0")
    with pytest.raises(DataError, match=r"datalist\.json: expected a 'age' of every sample of 'training', found none"):
        load_datalist(out, "training", requires=["age"])
