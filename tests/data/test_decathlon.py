# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data import (
    SliceDataset,
    find_inputs,
    load_datalist,
    make_brats_datalist,
    make_decathlon_datalist,
    save_datalist,
)
from monai_anomaly.transforms import LoadModalitiesd
from monai_anomaly.utils import DataError

OURS = ["t1", "t1ce", "t2", "flair"]
THEIRS = ["flair", "t1", "t1ce", "t2"]


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """Four images with masks, one without; a companion of macOS each, as in the published archive."""
    shape = (4, 5, 3)
    for i in range(1, 6):
        image = tmp_path / ("imagesTr" if i < 5 else "imagesTs") / f"BRATS_{i:03d}.nii.gz"
        image.parent.mkdir(exist_ok=True)
        values = np.stack([np.full(shape, 10 * i + c, np.float32) for c in range(4)], -1)
        nib.save(nib.Nifti1Image(values, np.eye(4)), image)
        (image.parent / f"._{image.name}").write_bytes(b"\0\5\26\7")
        if i < 5:
            (tmp_path / "labelsTr").mkdir(exist_ok=True)
            mask = np.zeros(shape, np.uint8)
            mask[..., 1] = 1
            nib.save(nib.Nifti1Image(mask, np.eye(4)), tmp_path / "labelsTr" / image.name)
    content = {
        "tensorImageSize": "4D",
        "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
        "training": [
            {"image": f"./imagesTr/BRATS_{i:03d}.nii.gz", "label": f"./labelsTr/BRATS_{i:03d}.nii.gz"}
            for i in range(1, 5)
        ],
        "test": ["./imagesTs/BRATS_005.nii.gz"],
    }
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    return tmp_path


def test_channels_in_their_order_reach_the_slices(task: Path) -> None:
    datalist = make_decathlon_datalist(task, split=(0.5, 0.25, 0.25))
    assert datalist["modalities"] == THEIRS
    assert [Path(entry["case"]).name for entry in datalist["left_out"]] == ["BRATS_005.nii.gz"]
    save_datalist(task / "datalist.json", datalist)
    samples = load_datalist(task / "datalist.json", "training", THEIRS, requires=["mask"], num_classes=2)
    slices = SliceDataset(samples, LoadModalitiesd(["image", "mask"]), progress=False)
    number = int(samples[0]["subject"].split("_")[1])
    assert slices.labels == [0, 1, 0] * 2
    assert [float(channel.max()) for channel in slices[0]["image"]] == [10 * number + c for c in range(4)]


def test_another_order_of_the_channels_is_an_error_that_tells_the_way_out(task: Path) -> None:
    save_datalist(task / "datalist.json", make_decathlon_datalist(task))
    with pytest.raises(DataError, match=r"--channel_names \"\['flair', 't1', 't1ce', 't2'\]\""):
        load_datalist(task / "datalist.json", "training", OURS)
    for path in (task, task / "imagesTs", task / "imagesTs/BRATS_005.nii.gz", task / "datalist.json"):
        with pytest.raises(DataError, match=r"found \['flair', 't1', 't1ce', 't2'\].*--channel_names"):
            find_inputs(path, OURS)
    assert [s["subject"] for s in find_inputs(task / "imagesTs", THEIRS)] == ["BRATS_005"]


def test_spelling_is_no_other_order(task: Path) -> None:
    content = json.loads((task / "dataset.json").read_text(encoding="utf-8")) | {"modality": {"0": "T2", "1": "ADC"}}
    (task / "dataset.json").write_text(json.dumps(content))
    for names in (["T2", "ADC"], ["t2", "adc"], ["T2w", "Adc"]):
        assert len(find_inputs(task / "imagesTs", names)) == 1
    with pytest.raises(DataError, match=r"found \['t2', 'adc'\]"):
        find_inputs(task / "imagesTs", ["ADC", "T2"])
    save_datalist(task / "list.json", make_decathlon_datalist(task))
    assert load_datalist(task / "list.json", "training", ["T2", "ADC"])


@pytest.mark.parametrize("name", ["dataset.json", "datalist.json"])
def test_the_file_itself_is_no_datalist(task: Path, name: str) -> None:
    (task / name).write_bytes((task / "dataset.json").read_bytes())
    for use in (lambda path: load_datalist(path, "training", OURS), lambda path: find_inputs(path, OURS)):
        with pytest.raises(DataError, match=r"`python -m monai_anomaly datalist decathlon .*dataset\.json"):
            use(task / name)
    with pytest.raises(DataError, match="datalist decathlon"):
        make_brats_datalist(task)


def test_bad_entries_and_other_files(task: Path) -> None:
    content = json.loads((task / "dataset.json").read_text(encoding="utf-8"))
    content["training"] += [{"image": "./imagesTr/none.nii.gz", "label": "./labelsTr/none.nii.gz"}, "BRATS_007"]
    (task / "dataset.json").write_text(json.dumps(content))
    assert [e["case"][-7:] for e in make_decathlon_datalist(task)["left_out"][:2]] == ["entry 4", "entry 5"]
    for broken in ({**content, "modality": "MR"}, {"modality": content["modality"]}, []):
        (task / "dataset.json").write_text(json.dumps(broken))
        with pytest.raises(DataError, match=r"dataset\.json: expected"):
            make_decathlon_datalist(task)


def test_the_second_version_of_nnunet_has_a_file_per_channel_and_no_list(tmp_path: Path) -> None:
    content = {"channel_names": {"0": "FLAIR", "1": "T1w"}, "numTraining": 2, "file_ending": ".nii.gz"}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="nor masks in labelsTr"):
        make_decathlon_datalist(tmp_path)
    for name in ("imagesTr/P1_0000", "imagesTr/P1_0001", "labelsTr/P1", "imagesTr/P2_0000", "labelsTr/P2"):
        (tmp_path / f"{name}.nii.gz").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.nii.gz").touch()
    made = make_decathlon_datalist(tmp_path)
    (sample,) = (s for part in ("training", "validation", "test") for s in made[part])
    assert made["modalities"] == ["flair", "t1"] and sample["subject"] == "P1"
    assert [Path(file).name for file in sample["image"]] == ["P1_0000.nii.gz", "P1_0001.nii.gz"]
    assert Path(sample["mask"]) == tmp_path / "labelsTr/P1.nii.gz"
    assert len(made["left_out"]) == 1 and "P2_0001" in made["left_out"][0]["reason"]
