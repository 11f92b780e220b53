# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_anomaly.data.datalist import load_datalist
from monai_anomaly.data.image_set import (
    PlannedImage,
    plan_images,
    read_image,
    write_image,
    write_listed,
    write_pictures,
)
from monai_anomaly.data.slice_dataset import SliceDataset
from monai_anomaly.transforms import LoadModalitiesd
from monai_anomaly.utils import DataError

SHAPE = (9, 7)


def squares(case: PlannedImage) -> dict[str, np.ndarray]:
    twin = np.random.default_rng(case.seed).uniform(-1, 1, SHAPE).astype(np.float32)
    mask = np.zeros(SHAPE, bool)
    mask[2:5, 1:4] = case.label
    return {"image": np.where(mask, 1, twin).astype(np.float32), "twin": twin, "mask": mask}


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def write(root: Path, per_class: tuple[int, ...] = (3, 2, 1), workers: int = 0) -> Path:
    cases = plan_images(per_class, 4)
    write_pictures(root, cases, squares, workers, "squares", progress=False)
    return write_listed(root, cases, "squares", "squares of light", {"seed": 4}, 0.5)


def test_no_two_cases_share_a_seed_or_a_file_nor_do_two_sets() -> None:
    cases = [c for seed in range(3) for c in plan_images((40, 10, 20), seed)]
    assert len({c.seed for c in cases}) == len(cases) == 3 * 140
    one = plan_images((40, 10, 20), 0)
    assert len({f for c in one for f in c.files.values()}) == 70 + 3 * 70
    for section, count in (("training", 40), ("validation", 10), ("test", 20)):
        assert [c.label for c in one if c.section == section] == [0] * count + [1] * count


def test_a_case_does_not_depend_on_the_size_of_the_set() -> None:
    assert set(plan_images((2, 1, 3), 5)) <= set(plan_images((20, 1, 7), 5))


@pytest.mark.parametrize("per_class", [(1, 2), (0, 0, 0), (-1, 2, 2), (1, 2, 100_000), 100])
def test_impossible_sizes_are_refused(per_class: Any) -> None:
    with pytest.raises(DataError, match="per_class"):
        plan_images(per_class, 0)
    with pytest.raises(DataError, match="seed"):
        plan_images((1, 1, 1), -1)


def test_the_reader_of_the_bundles_gets_every_gray_value(tmp_path: Path) -> None:
    values = np.arange(65536).reshape(512, 128)
    write_image(tmp_path / "a.png", (values / 32767.5 - 1).astype(np.float64))
    loaded = LoadModalitiesd("image")({"image": str(tmp_path / "a.png")})["image"]
    assert loaded.shape == (1, 512, 128)
    assert np.array_equal(np.asarray(loaded)[0], values)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    pictures = squares(plan_images((0, 0, 1), 0)[1])
    for role, picture in pictures.items():
        write_image(tmp_path / f"{role}.png", picture)
    found = {role: read_image(tmp_path / f"{role}.png") for role in pictures}
    assert np.array_equal(found["mask"], pictures["mask"])
    assert np.abs(found["image"] - pictures["image"]).max() < 2e-5
    assert np.array_equal(found["image"] == found["twin"], ~pictures["mask"])


def test_slices_of_the_set(tmp_path: Path) -> None:
    samples = load_datalist(write(tmp_path), "training", ["image"])
    transform = LoadModalitiesd(["image", "mask", "twin"], allow_missing_keys=True)
    slices = SliceDataset(samples, transform, progress=False)
    assert slices.labels == [0, 0, 0, 1, 1, 1]
    assert len({item["subject"] for item in slices}) == 6
    for item in slices:
        same = item["image"] == item["twin"]
        assert bool(((item["mask"] == 0) == same).all()) and bool(same.all()) == (item["label"] == 0)


@pytest.mark.parametrize("damage", ["missing", "truncated", "one byte", "another file", "empty"])
def test_damage_is_made_good_and_nothing_else_touched(tmp_path: Path, damage: str) -> None:
    write(tmp_path)
    before = contents(tmp_path)
    victim, other = tmp_path / "test" / "diseased-0001_twin.png", tmp_path / "training" / "healthy-0001.png"
    data, untouched = victim.read_bytes(), other.stat().st_mtime_ns
    if damage == "missing":
        victim.unlink()
    else:
        changed = {
            "truncated": data[:-3],
            "one byte": data[:60] + bytes([data[60] ^ 1]) + data[61:],
            "another file": b"GIF89a",
            "empty": b"",
        }
        victim.write_bytes(changed[damage])
    write(tmp_path)
    assert contents(tmp_path) == before
    assert other.stat().st_mtime_ns == untouched


def test_every_damaged_byte_is_found(tmp_path: Path) -> None:
    from monai_anomaly.data.image_set import _is_intact

    path = tmp_path / "a.png"
    write_image(path, squares(plan_images((0, 0, 1), 0)[0])["image"])
    data = path.read_bytes()
    assert _is_intact(path)
    for i in range(len(data)):
        path.write_bytes(data[:i] + bytes([data[i] ^ 4]) + data[i + 1 :])
        assert not _is_intact(path)
        path.write_bytes(data[:i])
        assert not _is_intact(path)


def test_processes_write_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b", workers=2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_change_that_does_not_show_is_refused(tmp_path: Path) -> None:
    def nothing(case: PlannedImage) -> dict[str, np.ndarray]:
        return {**squares(case), "mask": np.zeros(SHAPE, bool)}

    with pytest.raises(DataError, match="empty mask"):
        write_pictures(tmp_path, plan_images((1, 0, 0), 0), nothing, 0, "squares", progress=False)
