# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader
from monai.transforms import Compose, LoadImaged, RandFlipd, RandGaussianNoised, ResizeWithPadOrCropd

from monai_anomaly.data import VolumeDataset
from monai_anomaly.handlers import EpochSeed
from monai_anomaly.transforms import LoadModalitiesd
from monai_anomaly.utils import DataError

LOAD = LoadModalitiesd("image")


def _sample(folder: Path, subject: str, label: int = 0, size: tuple[int, ...] = (6, 7, 8), **extra: Any) -> dict:
    values = np.random.default_rng(sum(map(ord, subject))).random(size, dtype=np.float32)
    path = folder / f"{subject}.nii.gz"
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)
    return {"image": str(path), "label": label, "subject": subject, **extra}


def _volumes(data: list[dict], transform: Callable = LOAD, **arguments: Any) -> VolumeDataset:
    return VolumeDataset(data, transform, progress=False, **arguments)


@pytest.mark.parametrize("cached", [False, True])
def test_items_labels_and_sites(tmp_path: Path, cached: bool) -> None:
    data = [_sample(tmp_path, "a", 1, site="s1", lesion="ms"), _sample(tmp_path, "b", 0, site=2)]
    dataset = _volumes(data, cache_dir=tmp_path / "cache" if cached else None)
    assert dataset.labels == [1, 0] and dataset.sites == ["s1", "2"] and len(dataset) == 2
    item = dataset[0]
    assert item.keys() == {"image", "label", "subject", "site"}
    assert (item["label"], item["subject"], item["site"]) == (1, "a", "s1")
    assert item["image"].shape == (1, 6, 7, 8) and item["image"].dtype == torch.float32
    np.testing.assert_array_equal(item["image"][0], nib.load(data[0]["image"]).get_fdata(dtype=np.float32))


def test_2d_images() -> None:
    dataset = VolumeDataset([{"image": torch.rand(1, 8, 9), "label": i} for i in (0, 1)], progress=False)
    assert dataset[1]["image"].shape == (1, 8, 9) and dataset[1]["subject"] == "1"


def test_without_a_site_of_every_image_there_is_none(tmp_path: Path) -> None:
    dataset = _volumes([_sample(tmp_path, "a", site="A"), _sample(tmp_path, "b", site="")])
    assert "site" not in dataset[0]
    with pytest.raises(DataError, match=r"found none of subject b .*b\.nii\.gz"):
        _ = dataset.sites


def test_the_images_without_the_augmentation_are_loaded_once(tmp_path: Path) -> None:
    loaded = []

    def load(sample: dict[str, Any]) -> dict[str, Any]:
        loaded.append(sample["subject"])
        return {"image": LOAD(sample)["image"]}

    def brighter(item: dict[str, Any]) -> dict[str, Any]:
        return {**item, "image": item["image"] + 1}

    dataset = _volumes([_sample(tmp_path, "a", 1), _sample(tmp_path, "b")], load, augmentation=brighter)
    plain = dataset.without_augmentation()
    assert loaded == ["a", "b"] and plain.summary == dataset.summary and plain.labels == [1, 0]
    torch.testing.assert_close(dataset[0]["image"], plain[0]["image"] + 1)


def test_what_is_kept_is_not_changed_by_an_augmentation(tmp_path: Path) -> None:
    def add(item: dict) -> dict:
        item["image"] += 1
        return item

    dataset = _volumes([_sample(tmp_path, "a")], augmentation=add)
    assert torch.equal(dataset[0]["image"], dataset[0]["image"]) and dataset[0]["image"].max() < 2


def test_a_volume_is_loaded_once_and_augmented_at_every_access(tmp_path: Path) -> None:
    calls = []

    def load(sample: dict) -> Any:
        calls.append(sample["subject"])
        return LOAD(sample)

    augmentation = RandGaussianNoised("image", prob=1.0)
    dataset = _volumes([_sample(tmp_path, "a"), _sample(tmp_path, "b")], load, augmentation=augmentation)
    assert not torch.equal(dataset[0]["image"], dataset[0]["image"])
    assert calls == ["a", "b"]


def test_the_cache_is_read_again_until_a_file_or_the_transform_changes(tmp_path: Path) -> None:
    sample, cache, calls = _sample(tmp_path, "a"), tmp_path / "cache", []

    class Load:
        def __init__(self, factor: float = 1) -> None:
            self.factor = factor

        def __call__(self, sample: dict) -> Any:
            calls.append(self.factor)
            return {**sample, "image": self.factor * LOAD(sample)["image"]}

    first = _volumes([sample], Load(), cache_dir=cache)
    again = _volumes([sample], Load(), cache_dir=cache)
    assert calls == [1] and torch.equal(first[0]["image"], again[0]["image"])
    assert first.summary == again.summary == _volumes([sample], Load()).summary
    calls.clear()
    _volumes([sample], Load(2), cache_dir=cache)
    _sample(tmp_path, "a", size=(6, 7, 9))
    assert _volumes([sample], Load(), cache_dir=cache)[0]["image"].shape == (1, 6, 7, 9)
    assert calls == [2, 1]


def test_a_cached_dataset_goes_to_workers_without_its_volumes(tmp_path: Path) -> None:
    data = [_sample(tmp_path, "a", size=(20, 20, 20))]
    assert len(pickle.dumps(_volumes(data, cache_dir=tmp_path / "cache"))) < 5000 < len(pickle.dumps(_volumes(data)))


def test_the_summary_tells_what_the_data_are_wherever_they_lie(tmp_path: Path) -> None:
    def summary(folder: str, label: int = 0, site: str = "A") -> dict:
        (tmp_path / folder).mkdir(exist_ok=True)
        data = [_sample(tmp_path / folder, "a", 1, site="B"), _sample(tmp_path / folder, "b", label, site=site)]
        return _volumes(data).summary

    first = summary("x")
    assert {k: first[k] for k in ("samples", "subjects", "labels", "sites")} == {
        "samples": 2, "subjects": 2, "labels": {"0": 1, "1": 1}, "sites": {"A": 1, "B": 1},
    }  # fmt: skip
    assert summary("x") == first
    assert summary("x", site="B")["fingerprint"] != first["fingerprint"] != summary("x", label=1)["fingerprint"]
    moved = tmp_path / "x"
    moved.rename(tmp_path / "y")
    data = [
        {"image": str(tmp_path / "y" / f"{name}.nii.gz"), "subject": name, "label": label, "site": site}
        for name, label, site in (("a", 1, "B"), ("b", 0, "A"))
    ]
    assert _volumes(data).summary == first


@pytest.mark.parametrize("workers", [0, 2])
def test_the_augmentation_of_an_epoch_depends_on_seed_and_epoch(tmp_path: Path, workers: int) -> None:
    augmentation = Compose([RandFlipd("image", prob=0.5), RandGaussianNoised("image", prob=0.5)])
    dataset = _volumes([_sample(tmp_path, str(i)) for i in range(4)], augmentation=augmentation)

    def images(epoch: int) -> torch.Tensor:
        engine = Engine(lambda engine, batch: None)
        engine.state.epoch = epoch
        EpochSeed(0, transform=augmentation)(engine)
        loader = DataLoader(dataset, batch_size=2, num_workers=workers)
        return torch.cat([batch["image"] for batch in loader])

    first = images(1)
    assert not torch.equal(first, images(2))
    assert torch.equal(first, images(1))


def test_volumes_of_two_sizes(tmp_path: Path) -> None:
    data = [_sample(tmp_path, "a"), _sample(tmp_path, "b", size=(6, 7, 9)), _sample(tmp_path, "c", size=(5, 5, 5))]
    message = r"found \(1, 6, 7, 8\) of .*a\.nii\.gz.* and \(1, 6, 7, 9\) of .*b\.nii\.gz.*ResizeWithPadOrCropd"
    with pytest.raises(DataError, match=message):
        _volumes(data)
    one_size = Compose([LOAD, ResizeWithPadOrCropd("image", (6, 7, 8))])
    assert _volumes(data, one_size)[2]["image"].shape == (1, 6, 7, 8)


@pytest.mark.parametrize("load", [LOAD, Compose([LOAD]), LoadImaged("image", ensure_channel_first=True)])
@pytest.mark.parametrize("broken", [b"", b"no image"])
def test_a_volume_that_cannot_be_read_is_named(tmp_path: Path, load: Callable, broken: bytes) -> None:
    data = [_sample(tmp_path, "a"), _sample(tmp_path, "b")]
    Path(data[1]["image"]).write_bytes(broken)
    with pytest.raises(DataError, match=r"b\.nii\.gz"):
        _volumes(data, load)


@pytest.mark.parametrize("label", [None, -1, 0.5, "left", float("nan")])
def test_a_label_that_is_no_class_is_named(tmp_path: Path, label: Any) -> None:
    with pytest.raises(DataError, match=r"a\.nii\.gz.*expected a class"):
        _volumes([_sample(tmp_path, "a") | {"label": label}])


@pytest.mark.parametrize("shape", [(8, 9), (1, 2, 3, 4, 5)])
def test_images_of_other_dimensions(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="found shape"):
        VolumeDataset([{"image": torch.rand(shape), "label": 0}], progress=False)


def test_no_images() -> None:
    with pytest.raises(DataError, match="found none"):
        VolumeDataset([], progress=False)
