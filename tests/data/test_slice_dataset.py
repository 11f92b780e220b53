# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import DataLoader
from monai.transforms import Compose, RandFlipd

from monai_anomaly.data import SliceDataset, make_brats_slices_datalist, make_table_datalist
from monai_anomaly.transforms import CheckImaged, LoadModalitiesd, ScaleIntensityByBraind
from monai_anomaly.utils import DataError, ScalingWarning

LOAD = LoadModalitiesd(["image", "mask"], allow_missing_keys=True)
LESION = {3: 1, 4: 5, 5: 9}  # lesion pixels of slices


def _sample(folder: Path, subject: str, mask: bool = True, **extra: Any) -> dict[str, Any]:
    """A volume (6, 7, 10) of two files; slice k is k in the first and 2 k in the second channel, in k rows."""
    image = np.zeros((6, 7, 10), np.float32)
    lesion = np.zeros_like(image)
    for k in range(10):
        image[:, : min(k, 7), k] = k
        lesion.reshape(42, 10)[: LESION.get(k, 0), k] = 4
    files = []
    for c in range(2):
        files.append(str(folder / f"{subject}_{c}.nii.gz"))
        nib.save(nib.Nifti1Image(image * (1 + c), np.eye(4)), files[-1])
    sample: dict[str, Any] = {"image": files, "subject": subject, **extra}
    if mask:
        sample["mask"] = str(folder / f"{subject}_seg.nii.gz")
        nib.save(nib.Nifti1Image(lesion, np.eye(4)), sample["mask"])
    return sample


def _slices(data: list[dict], **arguments: Any) -> SliceDataset:
    return SliceDataset(data, LOAD, progress=False, **arguments)


def test_items(tmp_path: Path) -> None:
    dataset = _slices([_sample(tmp_path, "a", site="s1"), _sample(tmp_path, "b", site="s2")])
    assert len(dataset) == 20
    assert dataset.labels == [int(k in LESION) for _ in range(2) for k in range(10)]
    item = dataset[14]
    assert {k: item[k] for k in ("label", "slice", "subject", "site")} == {
        "label": 1,
        "slice": 4,
        "subject": "b",
        "site": "s2",
    }
    assert item["image"].shape == (2, 6, 7) and item["image"].dtype == torch.float32
    assert item["image"].amax((1, 2)).tolist() == [4, 8]
    assert item["mask"].shape == (1, 6, 7) and int((item["mask"] == 4).sum()) == 5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"slice_range": (2, 6)}, [2, 3, 4, 5]),
        ({"slice_range": (2, 9), "slice_step": 3}, [2, 5, 8]),
        ({"min_foreground": 0.5}, [4, 5, 6, 7, 8, 9]),  # k of 7 rows are brain
        ({"min_foreground": 0.5, "background": 9}, [5, 6, 7, 8, 9]),  # the brain is 2 k in the second channel
        ({"min_lesion_pixels": 5}, [0, 1, 2, 4, 5, 6, 7, 8, 9]),
        ({"min_lesion_pixels": 6, "slice_range": (3, 7)}, [5, 6]),
    ],
)
def test_which_slices_are_kept(tmp_path: Path, arguments: dict, expected: list[int]) -> None:
    dataset = _slices([_sample(tmp_path, "a")], **arguments)
    assert [item["slice"] for item in dataset] == expected


def test_healthy_slices_of_healthy_people_alone(tmp_path: Path) -> None:
    sick, well = _sample(tmp_path, "a", site="s1"), _sample(tmp_path, "b", mask=False, label=0, site="s2")
    dataset = _slices([sick, well], lesion_free=False)
    assert [(item["subject"], item["label"]) for item in dataset] == [("a", 1)] * 3 + [("b", 0)] * 10
    assert dataset.labels == [1] * 3 + [0] * 10 and dataset.sites == ["s1"] * 3 + ["s2"] * 10


def test_slices_without_a_site() -> None:
    samples = [{"image": torch.rand(1, 4, 4), "label": 0, "subject": name} for name in "ab"]
    samples[0]["site"] = "s1"
    with pytest.raises(DataError, match=r"expected a site of every image, found none of b$"):
        SliceDataset(samples, progress=False).sites  # noqa: B018


def test_axis(tmp_path: Path) -> None:
    dataset = _slices([_sample(tmp_path, "a")], axis=1)
    assert len(dataset) == 7 and dataset[0]["image"].shape == (2, 6, 10)
    torch.testing.assert_close(dataset[2]["image"], LOAD(_sample(tmp_path, "a"))["image"][:, :, 2].as_tensor())


def test_without_masks_slices_have_the_label_of_the_volume(tmp_path: Path) -> None:
    dataset = _slices([_sample(tmp_path, "a", mask=False, label=1), _sample(tmp_path, "b", mask=False, label=0)])
    assert dataset.labels == [1] * 10 + [0] * 10
    assert dataset[0].keys() == {"image", "label", "slice", "subject"}


def test_a_healthy_volume_without_mask_gets_an_empty_one_so_that_items_collate(tmp_path: Path) -> None:
    data = [_sample(tmp_path, "a"), _sample(tmp_path, "b", mask=False, label=0, site="s")]
    batch = next(iter(DataLoader(_slices(data), batch_size=20)))
    assert batch["mask"].shape == (20, 1, 6, 7)
    assert (batch["mask"][10:] == 0).all() and batch["label"].tolist() == [int(k in LESION) for k in range(10)] + [
        0
    ] * 10
    assert "site" not in batch


def test_a_diseased_volume_without_mask_takes_the_masks_away(tmp_path: Path) -> None:
    data = [_sample(tmp_path, "a"), _sample(tmp_path, "b", mask=False, label=1)]
    assert all("mask" not in item for item in _slices(data))


def test_twins() -> None:
    diseased = {"image": torch.rand(2, 4, 4, 3), "twin": torch.rand(2, 4, 4, 3), "label": 1}
    healthy = {"image": torch.rand(2, 4, 4, 3), "label": 0}
    dataset = SliceDataset([diseased, healthy], progress=False)
    torch.testing.assert_close(dataset[1]["twin"], diseased["twin"][..., 1])
    torch.testing.assert_close(dataset[5]["twin"], healthy["image"][..., 2])


def test_2d_samples_are_one_slice_each() -> None:
    data = [{"image": torch.rand(1, 8, 9), "label": i % 2, "slice": 80 + i} for i in range(3)]
    dataset = SliceDataset(data, slice_range=(80, 129), progress=False)
    assert [(item["slice"], item["label"]) for item in dataset] == [(80, 0), (81, 1), (82, 0)]
    assert dataset[0]["image"].shape == (1, 8, 9)


def test_slice_transform_runs_at_every_access(tmp_path: Path) -> None:
    flip = RandFlipd(["image", "mask"], prob=0.5, spatial_axis=0).set_random_state(0)
    dataset = _slices([_sample(tmp_path, "a")], slice_transform=flip)
    assert len({dataset[5]["mask"].numpy().tobytes() for _ in range(20)}) == 2


def test_the_cache_holds_the_same_slices_and_is_read_again(tmp_path: Path) -> None:
    data = [_sample(tmp_path, "a", site="s"), _sample(tmp_path, "b", site="s")]
    plain = _slices(data, min_lesion_pixels=2)
    read: list[str] = []

    def load(sample: dict) -> dict:
        read.append(sample["subject"])
        return LOAD(sample)

    for expected in (["a", "b"], []):
        read.clear()
        cached = SliceDataset(data, load, min_lesion_pixels=2, cache_dir=tmp_path / "cache", progress=False)
        assert read == expected
        assert cached.labels == plain.labels
        for one, other in zip(plain, cached, strict=True):
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[key], other[key]) for key in one)


def test_the_cache_is_made_anew_when_something_changes(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    data = [_sample(tmp_path, "a", label=1)]
    _slices(data, cache_dir=cache)
    assert len(list(cache.glob("*.npy"))) == 1
    _slices(data, cache_dir=cache, min_lesion_pixels=5)
    SliceDataset(data, Compose([LOAD, ScaleIntensityByBraind("image")]), cache_dir=cache, progress=False)
    assert len(list(cache.glob("*.npy"))) == 3
    nib.save(nib.Nifti1Image(np.ones((6, 7, 11), np.float32), np.eye(4)), data[0]["image"][0])
    with pytest.raises(DataError, match=r"a_1\.nii\.gz"):
        _slices(data, cache_dir=cache)


def test_the_fingerprint_is_that_of_subjects_labels_and_contents_wherever_they_lie(tmp_path: Path) -> None:
    def summary(folder: str, subjects: str = "ab", cached: bool = False, **extra: Any) -> dict[str, Any]:
        (tmp_path / folder).mkdir(exist_ok=True)
        data = [_sample(tmp_path / folder, subject, **extra) for subject in subjects]
        return _slices(data, cache_dir=tmp_path / "cache" if cached else None).summary

    first = summary("first")
    assert first["samples"] == first["subjects"] == first["with_mask"] == 2
    assert summary("moved") == first == summary("first", cached=True) == summary("first", cached=True)
    others = [
        summary("first", "ac"),
        summary("first", "ba"),
        summary("first", label=1),
        summary("first", mask=False, label=1),
    ]
    sample = _sample(tmp_path / "first", "a")
    nib.save(nib.Nifti1Image(np.full((6, 7, 10), 2, np.float32), np.eye(4)), sample["image"][0])
    others.append(_slices([sample, _sample(tmp_path / "first", "b")]).summary)
    assert len({other["fingerprint"] for other in [first, *others]}) == 6


@pytest.mark.parametrize("cached", [False, True])
def test_suspicious_intensities_are_told_once_with_their_number_and_the_worst(tmp_path: Path, cached: bool) -> None:
    data = [_sample(tmp_path, name) for name in "abc"]
    for sample, bright in zip(data, (0, 60, 30), strict=True):  # voxels above the range, of the 9 bright slices
        values = np.where(np.arange(420).reshape(6, 7, 10) % 100 < bright, 900.0, 1.0 + np.arange(10) % 3)
        values[:, -3:] = 0
        for file in sample["image"]:
            nib.save(nib.Nifti1Image(values.astype(np.float32), np.eye(4)), file)
    transform = Compose([LOAD, ScaleIntensityByBraind("image", background=0.0)])
    arguments: dict[str, Any] = {"cache_dir": tmp_path / "cache"} if cached else {}
    for _ in range(2):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            SliceDataset(data, transform, progress=False, **arguments)
        texts = [str(w.message) for w in told if w.category is ScalingWarning]
        assert len(texts) == 1
        assert texts[0].startswith(f"1 of 3 images are scaled to suspicious intensities; {data[2]['image'][0]}: ")


def test_an_interrupted_cache_is_completed(tmp_path: Path) -> None:
    data = [_sample(tmp_path, "a")]
    _slices(data, cache_dir=tmp_path / "cache")
    next((tmp_path / "cache").glob("*.json")).unlink()
    assert len(_slices(data, cache_dir=tmp_path / "cache")) == 10


def test_a_cached_dataset_goes_to_workers_without_its_slices(tmp_path: Path) -> None:
    dataset = _slices([_sample(tmp_path, "a")], cache_dir=tmp_path / "cache")
    assert len(pickle.dumps(dataset._volumes)) < 2000
    assert len(list(DataLoader(dataset, batch_size=4, num_workers=1))) == 3


@pytest.mark.parametrize("transform", [LOAD, Compose([Compose([LOAD])])])
def test_a_bad_volume_stops_or_is_listed(tmp_path: Path, transform: Callable) -> None:
    data = [_sample(tmp_path, "a"), _sample(tmp_path, "b")]
    broken = Path(data[0]["image"][1])
    broken.write_bytes(broken.read_bytes()[:50])
    with pytest.raises(DataError, match=r"a_1\.nii\.gz: expected a readable image"):
        SliceDataset(data, transform, progress=False)
    dataset = SliceDataset(data, transform, on_error="skip", progress=False)
    assert len(dataset) == 10 and dataset[0]["subject"] == "b"
    assert [entry["case"] for entry in dataset.left_out] == ["a"]
    assert "a_1.nii.gz" in dataset.left_out[0]["reason"]
    with pytest.raises(DataError, match=r"found none in 1 volume\(s\) .*a_1\.nii\.gz"):
        SliceDataset(data[:1], transform, on_error="skip", progress=False)


def test_an_error_that_is_not_about_the_data_is_not_skipped(tmp_path: Path) -> None:
    def fail(sample: dict) -> dict:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        SliceDataset([_sample(tmp_path, "a")], fail, on_error="skip", progress=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"slice_range": (5, 20)}, r"a_0\.nii\.gz.*: expected slices 5 to 20, found 10 on axis 2"),
        ({"min_foreground": 1.1}, r"expected at least one slice, found none in 1 volume"),
    ],
)
def test_no_such_slices(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _slices([_sample(tmp_path, "a")], **arguments)


def test_a_volume_without_mask_and_label(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a_0\.nii\.gz.*: expected a mask or a label, found neither"):
        _slices([_sample(tmp_path, "a", mask=False)])


def test_a_mask_of_another_shape_names_the_file(tmp_path: Path) -> None:
    sample = _sample(tmp_path, "a")
    nib.save(nib.Nifti1Image(np.zeros((6, 7, 9), np.float32), np.eye(4)), sample["mask"])
    with pytest.raises(DataError, match=r"a_0\.nii\.gz.*: expected the mask to have the 10 slices"):
        _slices([sample])


def test_a_real_tumor(shared: Callable[[str], Path]) -> None:
    folder = shared("realdata/tcga_lgg/FG-6692/sri24")
    keys = ["image", "mask"]
    sample = {
        "image": [str(folder / f"{m}.nii.gz") for m in ("t1", "t1ce", "t2", "flair")],
        "mask": str(folder / "seg_fused.nii.gz"),
    }
    transform = Compose([LoadModalitiesd(keys), CheckImaged(keys, channels=[4, 1]), ScaleIntensityByBraind("image")])
    dataset = SliceDataset([sample], transform, slice_range=(80, 129), progress=False)
    assert len(dataset) == 49 and dataset[0]["image"].shape == (4, 240, 240)
    seg = nib.load(sample["mask"]).get_fdata()[:, :, 80:129]
    assert dataset.labels == (seg > 0).any((0, 1)).astype(int).tolist()
    assert 0 < sum(dataset.labels) < 49


def test_real_slices_and_x_rays(shared: Callable[[str], Path]) -> None:
    brats = SliceDataset(make_brats_slices_datalist(shared("realdata/brats_slices"))["training"], LOAD, progress=False)
    assert [(item["slice"], item["label"]) for item in brats] == [(80, 1), (81, 1), (82, 1), (83, 1)]
    assert brats[0]["image"].shape == (4, 240, 240)
    table = shared("realdata/nih_cxr64/labels.csv")
    listed = make_table_datalist(table, label="effusion", subject="patient_id")["validation"]
    chest = SliceDataset(listed, LOAD, progress=False)
    assert chest.labels == [sample["label"] for sample in listed]
    assert next(iter(DataLoader(chest, batch_size=len(chest))))["image"].shape == (len(listed), 1, 64, 64)


@pytest.mark.parametrize("label", ["yes", 1.5, -1])
def test_a_label_that_is_no_class_is_named(label: object) -> None:
    with pytest.raises(DataError, match=r"subject p: label: expected a class"):
        SliceDataset([{"image": torch.ones(1, 4, 4, 2), "label": label, "subject": "p"}], progress=False)


def _pair(subject: str, edit: str | None = "grow") -> dict[str, Any]:
    masks = {key: (torch.rand(1, 4, 5, 3) > 0.5).float() for key in ("mask", "target_mask")}
    images = {key: torch.rand(2, 4, 5, 3) for key in ("image", "target")}
    return {**images, **masks, "subject": subject, **({"edit": edit} if edit else {})}


@pytest.mark.parametrize("cached", [False, True])
def test_numbers_and_counterfactuals_come_with_the_slices(tmp_path: Path, cached: bool) -> None:
    data = [{**_pair("a"), "age": 0}, {**_pair("b"), "age": "63.5"}]
    for _ in range(2):
        cache = tmp_path / "cache" if cached else None
        dataset = SliceDataset(data, scalars=["age"], cache_dir=cache, progress=False)
        item = dataset[4]
        assert item["age"].shape == (1,) and item["age"].dtype == torch.float32 and item["age"].item() == 63.5
        assert item["edit"] == "grow"
        for key in ("target", "target_mask"):
            torch.testing.assert_close(item[key], data[1][key][..., 1])
        batch = next(iter(DataLoader(dataset, batch_size=6)))
        assert batch["age"].flatten().tolist() == [0, 0, 0, 63.5, 63.5, 63.5]


def test_2d_samples_carry_them_too() -> None:
    sample = {k: v[..., 0] if torch.is_tensor(v) else v for k, v in _pair("a").items()}
    (item,) = SliceDataset([{**sample, "age": 7}], scalars="age", progress=False)
    assert item["target"].shape == (2, 4, 5) and item["age"].tolist() == [7]


def test_a_counterfactual_or_edit_that_one_volume_lacks_is_in_no_item() -> None:
    other = _pair("b", edit=None)
    del other["target"]
    (first, *_) = SliceDataset([_pair("a"), other], progress=False)
    assert "target_mask" in first and not {"target", "edit"} & first.keys()


def test_the_fingerprint_knows_the_counterfactual_and_the_number() -> None:
    pair = {**_pair("a"), "age": 1}
    others = [pair, {**pair, "target": pair["target"] + 1}, {**pair, "age": 2}]
    assert len({SliceDataset([s], scalars=["age"], progress=False).summary["fingerprint"] for s in others}) == 3


@pytest.mark.parametrize("age", [None, float("nan"), "old"])
def test_a_missing_number_names_the_file_and_the_entry(tmp_path: Path, age: Any) -> None:
    with pytest.raises(DataError, match=r"subject a \(.*a_0\.nii\.gz\): age: expected a finite number, found"):
        _slices([_sample(tmp_path, "a", age=age)], scalars=["age"])


def test_a_number_is_not_called_like_an_image() -> None:
    with pytest.raises(DataError, match="scalars: expected names of numbers, found label"):
        SliceDataset([_pair("a")], scalars=["age", "label"], progress=False)


def test_a_target_of_another_shape_is_named() -> None:
    pair = _pair("a")
    with pytest.raises(DataError, match="subject a: expected the target to have the 3 slices"):
        SliceDataset([{**pair, "target": pair["target"][..., 1:]}], progress=False)


def test_an_entry_that_is_required_must_be_there(tmp_path: Path) -> None:
    """Of a healthy subject among others an empty mask is known; that of a diseased one is not."""
    masked, healthy = _sample(tmp_path, "a", label=1), _sample(tmp_path, "b", mask=False, label=0)
    bare = _sample(tmp_path, "c", mask=False, label=1)
    options: dict[str, Any] = {"transform": LOAD, "requires": ["mask"], "progress": False}
    assert "mask" in SliceDataset([masked, healthy], **options)[0]
    for samples, found in (([masked, healthy, bare], "none of c$"), ([healthy], "none of b$")):
        with pytest.raises(DataError, match=f"expected a mask of every subject with a disease, found {found}"):
            SliceDataset(samples, **options)
