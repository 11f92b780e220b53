# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.data.chest import make_chest, write_chest
from monai_anomaly.data.chest.dataset import make_case
from monai_anomaly.data.datalist import load_datalist
from monai_anomaly.data.image_set import plan_images, read_image
from monai_anomaly.utils import DataError

SMALL = {"size": 48, "per_class": (3, 1, 2), "seed": 1, "progress": False}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chest(tmp_path_factory.mktemp("chest"), **SMALL)


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_files_hold_the_people_of_the_plan(written: Path) -> None:
    found = [s for section in ("training", "validation", "test") for s in load_datalist(written, section, ["image"])]
    for sample, case in zip(found, plan_images(SMALL["per_class"], SMALL["seed"]), strict=True):
        made = make_case(case.seed, 48, bool(case.label))
        assert np.abs(read_image(sample["image"]) - made.image).max() < 2e-5
        assert ("twin" in sample) == ("mask" in sample) == bool(case.label)
        if case.label:
            assert np.abs(read_image(sample["twin"]) - made.twin).max() < 2e-5
            assert np.array_equal(read_image(sample["mask"]), made.mask)
    assert json.loads(written.read_text(encoding="utf-8"))["parameters"]["size"] == 48


def test_every_side_occurs() -> None:
    def side(seed: int) -> tuple[bool, bool]:
        mask = make_case(seed, 48, diseased=True).mask
        return bool(mask[:24].any()), bool(mask[24:].any())

    assert {side(seed) for seed in range(20)} == {(True, False), (False, True), (True, True)}
    assert make_case(3, 48).image.tobytes() == make_chest(3, 48).image.tobytes()


def test_processes_write_the_same_bytes_and_a_lost_file_is_made_again(written: Path, tmp_path: Path) -> None:
    write_chest(tmp_path, **SMALL, workers=2)
    (tmp_path / "test" / "diseased-0002_mask.png").unlink()
    write_chest(tmp_path, **SMALL)
    assert contents(tmp_path) == contents(written.parent)


@pytest.mark.parametrize("change", [{"seed": 3}, {"size": 50}, {"per_class": (4, 1, 3)}])
def test_other_parameters_are_refused(written: Path, change: dict) -> None:
    with pytest.raises(DataError, match=next(iter(change))):
        write_chest(written.parent, **{**SMALL, **change})


def test_a_size_that_hides_small_effusions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="48 or more"):
        write_chest(tmp_path / "c", **{**SMALL, "size": 32})
    assert not (tmp_path / "c").exists()
