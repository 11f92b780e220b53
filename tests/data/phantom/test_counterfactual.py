# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data import SliceDataset, load_datalist
from monai_anomaly.data.phantom import make_subject, write_phantom
from monai_anomaly.data.phantom.tumor import APART
from monai_anomaly.transforms import CheckImaged, LoadModalitiesd
from monai_anomaly.utils import DataError

PLAN: dict[str, Any] = {"subjects": 4, "seed": 2, "spacing": 6.0, "split": (0.25, 0.0, 0.75), "progress": False}
SIZES = (0.7, 1.3)
PAIRS = ["grow-1.3", "insert", "insert-elsewhere", "move", "remove", "shrink-0.7"]
SCAN = ("twin", "mask", "bias", "affine", "to_template")


@pytest.fixture(scope="module", params=[3, 9, 12])
def tumors(request: pytest.FixtureRequest) -> dict[Any, Any]:
    """A person's tumor by size, and elsewhere."""
    sizes = {size: make_subject(request.param, "A", "tumour", 4.0, size=size) for size in (0.5, 0.7, 1.0, 1.3)}
    return {**sizes, "elsewhere": make_subject(request.param, "A", "tumour", 4.0, elsewhere=True)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantom")
    write_phantom(root, **PLAN, counterfactuals=SIZES)
    return root


def _center(label: np.ndarray) -> np.ndarray:
    return np.argwhere(label > 0).mean(0) * 4.0


def _pairs(root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((root / "datalist.json").read_text(encoding="utf-8"))["counterfactual"]
    return found


def _contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def _values(root: Path, files: list[str] | str) -> np.ndarray:
    names = [files] if isinstance(files, str) else files
    return np.stack([np.asanyarray(nib.load(root / name).dataobj) for name in names])


def test_person_and_scan_stay_the_same(tumors: dict[Any, Any]) -> None:
    for other in tumors.values():
        assert all(np.array_equal(getattr(other, key), getattr(tumors[1.0], key)) for key in SCAN)


def test_the_own_size_and_place_are_the_subject(tumors: dict[Any, Any]) -> None:
    own = tumors[1.0]
    again = make_subject(own.seed, "A", "tumour", 4.0)
    assert np.array_equal(own.image, again.image) and np.array_equal(own.label, again.label)


def test_a_tumor_grows_with_the_factor_at_its_place(tumors: dict[Any, Any]) -> None:
    sizes = [0.5, 0.7, 1.0, 1.3]
    whole = [(tumors[s].label > 0).sum() for s in sizes]
    core = [np.isin(tumors[s].label, (1, 4)).sum() for s in sizes]
    for voxels in (whole, core):
        assert voxels == sorted(voxels) and voxels[0] < 0.4 * voxels[2] < 0.8 * voxels[3]
    for small, large in itertools.pairwise(sizes):
        a, b = tumors[small].label > 0, tumors[large].label > 0
        assert (a & b).sum() > 0.8 * a.sum()
        assert np.linalg.norm(_center(a) - _center(b)) < 12


def test_a_tumor_elsewhere_has_the_same_shape_in_another_part_of_the_brain(tumors: dict[Any, Any]) -> None:
    own, other = tumors[1.0], tumors["elsewhere"]
    assert np.linalg.norm(_center(own.label) - _center(other.label)) > 0.6 * APART
    assert ((own.label > 0) & (other.label > 0)).sum() < 0.2 * (own.label > 0).sum()
    first, second = (np.isin(s.label, (1, 4)) for s in (own, other))
    way = np.round((_center(second) - _center(first)) / 4).astype(int)
    moved = [np.roll(first, way + offset - 1, (0, 1, 2)) for offset in np.ndindex(3, 3, 3)]
    assert max(2 * (m & second).sum() / (m.sum() + second.sum()) for m in moved) > 0.95
    assert (np.unique(own.label) == np.unique(other.label)).all()


def test_far_from_both_tumors_nothing_changes(tumors: dict[Any, Any]) -> None:
    own = tumors[1.0]
    for other in (tumors[0.5], tumors[1.3], tumors["elsewhere"]):
        centers = [_center(own.label), _center(other.label)]
        places = np.argwhere(own.mask > 0) * 4.0
        far = np.all([np.linalg.norm(places - c, axis=1) > 75 for c in centers], axis=0)
        change = np.abs(other.image - own.image)[:, own.mask > 0]
        lesion = ((own.label > 0) != (other.label > 0))[own.mask > 0]
        assert far.sum() > 100
        assert change[:, far].mean() < 0.05 * change[:, lesion].mean()


def test_where_a_tumor_was_moved_away_the_person_is_healthy(tumors: dict[Any, Any]) -> None:
    own, other = tumors[1.0], tumors["elsewhere"]
    left = (own.label > 0) & (other.label == 0)
    to_twin, to_own = (np.abs(other.image - image)[:, left].mean() for image in (own.twin, own.image))
    assert to_twin < 0.3 * to_own


@pytest.mark.parametrize("change", [{"size": 0.1}, {"size": 3.0}, {"size": 1.3, "lesion": None}])
def test_sizes_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="phantom size"):
        make_subject(0, **{"spacing": 6.0, "lesion": "tumour", **change})


def test_every_test_person_with_a_tumor_has_all_pairs(written: Path) -> None:
    test = [e["subject"] for e in load_datalist(written / "datalist.json", "test") if e["label"]]
    pairs = _pairs(written)
    assert len(test) > 1
    assert sorted((p["subject"], p["pair"]) for p in pairs) == sorted((s, pair) for s in test for pair in PAIRS)
    assert all(p["pair"].split("-")[0] == p["edit"] for p in pairs)


def test_pairs_show_what_they_say(written: Path) -> None:
    for p in _pairs(written):
        image, target, twin = (_values(written, p[key]) for key in ("image", "target", "twin"))
        mask, target_mask = (_values(written, p[key])[0] > 0 for key in ("mask", "target_mask"))
        assert p["label"] == int(mask.any())
        for values, lesion in ((image, mask), (target, target_mask)):
            assert np.array_equal(values, twin) == (not lesion.any())
        more = {"grow": mask.sum() < target_mask.sum(), "shrink": mask.sum() > target_mask.sum() > 0}
        overlap = (mask & target_mask).sum() / max(1, mask.sum())
        more |= {"insert": not mask.any(), "remove": not target_mask.any(), "move": overlap < 0.2}
        assert more[p["edit"]]
        changed = np.abs(image - target).mean(0)
        assert changed[mask ^ target_mask].mean() > 5 * changed[(twin[0] > 0) & ~mask & ~target_mask].mean()


def test_pairs_are_read_as_slices(written: Path) -> None:
    keys = ["image", "mask", "twin", "target", "target_mask"]
    transform = CheckImaged(keys, channels=[4, 1, 4, 4, 1])
    samples = load_datalist(written / "datalist.json", "counterfactual", requires=["target", "target_mask", "edit"])
    data = [transform(LoadModalitiesd(keys)(sample)) for sample in samples[:6]]
    dataset = SliceDataset(data, progress=False)
    assert {dataset[i]["edit"] for i in range(len(dataset))} == {"grow", "shrink", "insert", "move", "remove"}


def test_they_may_be_added_and_stay(written: Path, tmp_path: Path) -> None:
    write_phantom(tmp_path, **PLAN)
    before = _contents(tmp_path)
    write_phantom(tmp_path, **PLAN, counterfactuals=SIZES)
    both = _contents(tmp_path)
    assert both == _contents(written)
    assert all(both[name] == data for name, data in before.items() if name != "datalist.json")
    write_phantom(tmp_path, **PLAN)
    assert _contents(tmp_path) == both


@pytest.mark.parametrize("damage", ["missing", "one byte", "folder"])
def test_damage_is_made_good(written: Path, tmp_path: Path, damage: str) -> None:
    write_phantom(tmp_path, **PLAN, counterfactuals=SIZES)
    first, second, *_ = sorted(tmp_path.glob("*/counterfactual"))
    victim = second / "flair_size-0.7.nii.gz"
    data = victim.read_bytes()
    if damage == "missing":
        victim.unlink()
    elif damage == "one byte":
        victim.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    else:
        for file in second.iterdir():
            file.unlink()
    untouched = (first / "flair_size-0.7.nii.gz").stat().st_mtime_ns
    write_phantom(tmp_path, **PLAN)
    assert _contents(tmp_path) == _contents(written)
    assert (first / "flair_size-0.7.nii.gz").stat().st_mtime_ns == untouched


def test_workers_write_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_phantom(tmp_path, **PLAN, counterfactuals=SIZES, workers=2)
    assert _contents(tmp_path) == _contents(written)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counterfactuals": (1.0,)}, "expected different factors from 0.25 to 2 but 1, found"),
        ({"counterfactuals": (0.7, 0.7)}, "expected different factors"),
        ({"counterfactuals": (9,)}, "expected different factors"),
        ({"lesions": ("ms",)}, "expected someone with a tumour in the test section"),
    ],
)
def test_what_cannot_be_drawn_is_not_begun(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        write_phantom(tmp_path, **{**PLAN, "counterfactuals": SIZES, **change})
    assert not list(tmp_path.glob("sub-*")) and not (tmp_path / "counterfactual.json").exists()


def test_other_sizes_are_refused(written: Path) -> None:
    before = _contents(written)
    with pytest.raises(DataError, match=r"counterfactual\.json: expected tumors of the sizes \[0\.5\], found \[0\.7"):
        write_phantom(written, **PLAN, counterfactuals=(0.5,))
    assert _contents(written) == before
