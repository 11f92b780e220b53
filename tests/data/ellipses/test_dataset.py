# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_anomaly.data.datalist import load_datalist
from monai_anomaly.data.ellipses import make_ellipses, write_ellipses
from monai_anomaly.data.image_set import plan_images, read_image
from monai_anomaly.metrics import average_otsu
from monai_anomaly.utils import DataError

SMALL = {"size": 32, "per_class": (4, 1, 2), "seed": 1, "progress": False}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ellipses(tmp_path_factory.mktemp("ellipses"), **SMALL)


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def samples(path: Path) -> list[dict]:
    return [s for section in ("training", "validation", "test") for s in load_datalist(path, section, ["image"])]


def test_files_hold_the_images_of_the_plan(written: Path) -> None:
    found = samples(written)
    cases = plan_images(SMALL["per_class"], SMALL["seed"])
    assert [s["label"] for s in found] == [c.label for c in cases]
    for sample, case in zip(found, cases, strict=True):
        made = make_ellipses(case.seed, 32, diseased=bool(case.label))
        assert np.abs(read_image(sample["image"]) - made.image).max() < 2e-5
        assert set(sample) == {"image", "label", "subject"} | ({"mask", "twin"} if case.label else set())


def test_the_mask_is_where_the_stored_images_differ_by_more_than_the_average_otsu(written: Path) -> None:
    header = json.loads(written.read_text(encoding="utf-8"))
    diseased = [s for s in samples(written) if s["label"]]
    change = [np.abs(read_image(s["twin"]) - read_image(s["image"])) / 2 for s in diseased]
    assert header["mask_threshold"] == pytest.approx(average_otsu(map(torch.from_numpy, change)))
    assert 0.02 < header["mask_threshold"] < 0.5
    for sample, difference in zip(diseased, change, strict=True):
        assert np.array_equal(read_image(sample["mask"]), difference > header["mask_threshold"])
        assert 0 < read_image(sample["mask"]).mean() < 0.3


@pytest.mark.parametrize("victim", ["training/diseased-0002_mask.png", "test/diseased-0001.png", "datalist.json"])
def test_what_is_lost_is_made_again(written: Path, victim: str) -> None:
    root = written.parent
    before = contents(root)
    (root / victim).unlink()
    assert write_ellipses(root, **SMALL) == written
    assert contents(root) == before


def test_processes_write_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_ellipses(tmp_path, **SMALL, workers=2)
    assert contents(tmp_path) == contents(written.parent)


@pytest.mark.parametrize("change", [{"seed": 3}, {"size": 40}, {"per_class": (4, 1, 3)}])
def test_other_parameters_are_refused(written: Path, change: dict) -> None:
    with pytest.raises(DataError, match=next(iter(change))):
        write_ellipses(written.parent, **{**SMALL, **change})


def test_a_set_of_another_version_is_refused(written: Path, tmp_path: Path) -> None:
    """Of version 1 the deformation had another center."""
    manifest = json.loads((written.parent / "ellipses.json").read_text(encoding="utf-8"))
    (tmp_path / "ellipses.json").write_text(json.dumps(manifest | {"version": 1}))
    with pytest.raises(DataError, match="holds another set of ellipses: version is 1, asked"):
        write_ellipses(tmp_path, **SMALL)


def test_an_impossible_size_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="size"):
        write_ellipses(tmp_path / "e", **{**SMALL, "size": 4})
    assert not (tmp_path / "e").exists()
