# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from monai.transforms import Compose, ResizeWithPadOrCropd

from monai_anomaly.apps.datalist import datalist
from monai_anomaly.data import VolumeDataset, load_datalist, load_site_samples
from monai_anomaly.transforms import LoadModalitiesd
from monai_anomaly.utils import DataError


def _images(root: Path) -> None:
    for name in ("healthy", "diseased"):
        for i in range(10):
            (root / name).mkdir(parents=True, exist_ok=True)
            (root / name / f"{name[0]}{i}.png").touch()


def test_writes_the_file_and_prints_the_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _images(tmp_path)
    datalist("folders", tmp_path, tmp_path / "list.json", seed=3)
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert printed[0] == ["section", "class", "site/view", "samples", "patients"]
    assert ["training", "1", "-", "8", "8"] in printed
    assert ["test", "all", "all", "2", "2"] in printed
    assert printed[-1] == ["wrote", str(tmp_path / "list.json")]
    assert len(load_datalist(tmp_path / "list.json", "training")) == 16


def test_a_relative_root_and_a_list_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _images(tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    datalist("folders", "images", "lists/list.json")
    assert len(load_datalist("lists/list.json", "test")) == 2


def test_what_is_left_out_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "table.csv").write_text("file,label,subject\na.png,0,p\n" + "none.png,1,q\n" * 7)
    datalist("table", tmp_path / "table.csv", tmp_path / "list.json")
    printed = capsys.readouterr().out
    assert "none.png" in printed and "left out: 7 in all" in printed


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="folder"):
        datalist("folder", tmp_path, tmp_path / "list.json")
    with pytest.raises(DataError, match="expected the folders healthy/, diseased/"):
        datalist("folders", tmp_path, tmp_path / "list.json")
    assert not (tmp_path / "list.json").exists()


def test_missing_masks_bring_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for case in ("a", "b", "c"):
        for name in ("t1", "Wilma"):
            (tmp_path / f"{case}_{name}.nii.gz").touch()
    datalist("brats", tmp_path, tmp_path / "list.json", modalities=["t1"])
    printed = capsys.readouterr().out
    assert "WARNING: no masks found; every slice of a diseased volume will count as diseased; --mask NAME" in printed
    assert "neither an image nor the mask of a case by its name: a_Wilma.nii.gz" in printed
    datalist("brats", tmp_path, tmp_path / "list.json", modalities=["t1"], mask="Wilma")
    printed = capsys.readouterr().out
    assert "masks: 3 of 3" in printed and "WARNING" not in printed


def test_an_unknown_option_and_writing_over_the_input(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("file,label,subject\n")
    with pytest.raises(DataError, match=r"expected the options --file, .*found --lable"):
        datalist("table", tmp_path / "table.csv", tmp_path / "list.json", lable="x")
    with pytest.raises(DataError, match="another file to write"):
        datalist("table", tmp_path / "table.csv", tmp_path / "table.csv")


def test_heads_of_five_hospitals(tmp_path: Path, shared: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    """Real volumes: the side of the tumor, where the target domain has both sides and other hospitals one each."""
    root = shared("realdata/lgg_volumes")
    with (root / "patients.csv").open(encoding="utf-8") as f:
        patients = list(csv.DictReader(f))
    only = {"DU": "L", "HT": "R"}
    kept = [p for p in patients if p["laterality"] in only.get(p["institution"], "LR") and p["laterality"]]
    with (tmp_path / "lgg.csv").open("w", encoding="utf-8") as f:
        print("file,side,hospital,patient", file=f)
        for p in kept:
            print(f"{p['patient']}/flair.nii.gz,{p['laterality']},{p['institution']},{p['patient']}", file=f)
    columns = {"label": "side", "classes": "{'L': 0, 'R': 1}", "site": "hospital", "subject": "patient"}
    options = {"target": "CS", "modality": "flair", "image_root": str(root), "split": "0.5,0.2,0.3"}
    datalist("table", tmp_path / "lgg.csv", tmp_path / "lgg.json", **columns, **options)
    printed = capsys.readouterr().out
    assert "one image only of the site(s) EZ" in printed and "every slice" not in printed
    for split in (0, 1):
        samples = load_site_samples(tmp_path / "lgg.json", "training", split=split, sites=["CS", "DU", "HT"])
        assert {(s["site"], s["label"]) for s in samples} == {("CS", 0), ("CS", 1), ("DU", 0), ("HT", 1)}
    with pytest.raises(DataError, match=r"target domain \(HT\), found no image of class 0"):
        load_site_samples(tmp_path / "lgg.json", "training", target="HT")
    load = Compose([LoadModalitiesd("image"), ResizeWithPadOrCropd("image", (128, 128, 32))])
    dataset = VolumeDataset(samples[:3], load, progress=False)
    assert dataset[0]["image"].shape == (1, 128, 128, 32) and dataset.sites == ["CS"] * 3
