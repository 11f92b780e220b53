# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Slices as pictures: three contrasts in one file of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.data import make_table_datalist, save_datalist

from .workflow import merged

NAMES = ["t1", "flair", "t1ce"]
SIZE = (60, 40)  # rows, columns


def _patients(folder: Path, names: str, split: list[float]) -> Path:
    """Two slices each: a healthy one and one with a lesion that only FLAIR shows."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[-1 : 1 : SIZE[0] * 1j, -1 : 1 : SIZE[1] * 1j]
    lines = ["file,mask,lesion,patient"]
    folder.mkdir()
    for name in names:
        for lesion in (0, 1):
            head = np.where((rows**2 + columns**2 < 0.7)[..., None], [90, 120, 150], 0) + rng.integers(0, 6, (*SIZE, 3))
            mask = np.zeros(SIZE, np.uint8)
            mask[15:35, 10:22] = 255 * lesion
            head[mask > 0, 1] = 240
            Image.fromarray(head.astype(np.uint8)).save(folder / f"{name}{lesion}.tif")
            Image.fromarray(mask).save(folder / f"{name}{lesion}_mask.png")
            lines.append(f"{name}{lesion}.tif,{f'{name}{lesion}_mask.png' if lesion else ''},{lesion},{name}")
    (folder / "slices.csv").write_text("\n".join(lines))
    made = make_table_datalist(
        folder / "slices.csv", label="lesion", subject="patient", mask="mask", modality=NAMES, split=split
    )
    save_datalist(folder / "datalist.json", made)
    return folder / "datalist.json"


@pytest.mark.parametrize("bundle", ["diffanomaly", "diffseg", "descargan"])
def test_color_slices_train_as_contrasts_and_new_patients_are_scored(tmp_path: Path, bundle: str) -> None:
    known = _patients(tmp_path / "known", "abcdefgh", [0.5, 0.25, 0.25])
    new = _patients(tmp_path / "new", "xyz", [0, 0, 1])
    parser = merged(bundle, "train", "lgg")
    parser["dataset_dir"] = str(known.parent)
    parser["test_datalist"] = str(new)
    training = parser.get_parsed_content("train#dataset")
    assert len(training) == 8 and sorted(training.labels) == [0, 0, 0, 0, 1, 1, 1, 1]
    test = parser.get_parsed_content("evaluate#test_dataset")
    assert {item["subject"] for item in (test[i] for i in range(len(test)))} == set("xyz")
    for item in (test[i] for i in range(len(test))):
        image, mask = item["image"].numpy(), item["mask"].numpy()[0] > 0
        assert image.shape == (3, 64, 64) and -1 <= image.min() < -0.9
        inside = [float(np.median(channel[np.abs(channel + 1) > 0.3])) for channel in image]
        np.testing.assert_allclose(inside, [-1 + 2 / 2.5] * 3, atol=0.03)  # the median of the head, in each contrast
        assert mask.any() == item["label"]
        if item["label"]:
            assert abs(mask.mean() - 20 * 12 / 60**2) < 0.01
            bright = [float(np.median(channel[mask])) for channel in image]
            assert bright[1] > 0.5 > -0.1 > max(bright[0], bright[2])


@pytest.mark.parametrize("overlay", ["cxr64", "cxr128"])
@pytest.mark.parametrize("bundle", ["diffanomaly", "descargan"])
def test_x_rays_of_any_size_in_a_file_of_colors_are_gray(tmp_path: Path, bundle: str, overlay: str) -> None:
    rng = np.random.default_rng(0)
    for number in range(4):
        gray = rng.integers(0, 256, (90, 120), dtype=np.uint8)
        Image.fromarray(np.stack([gray] * 3, axis=-1)).save(tmp_path / f"{number}.png")
    rows = [f"{number}.png,{number % 2},{number}" for number in range(4)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,effusion,group", *rows]))
    made = make_table_datalist(tmp_path / "labels.csv", label="effusion", subject="group", split=[1, 0, 0])
    save_datalist(tmp_path / "datalist.json", made)
    parser = merged(bundle, "train", overlay)
    parser["dataset_dir"] = str(tmp_path)
    training = parser.get_parsed_content("train#dataset")
    size = int(overlay[3:])
    assert len(training) == 4 and all(training[i]["image"].shape == (1, size, size) for i in range(4))
    assert all(training[i]["image"].min() >= -1 and training[i]["image"].max() <= 1 for i in range(4))
