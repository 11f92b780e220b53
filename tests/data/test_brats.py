# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monai_anomaly.data import make_brats_datalist
from monai_anomaly.utils import DataError

SECTIONS = ("training", "validation", "test")


def _case(root: Path, name: str, *suffixes: str, separator: str = "_", ending: str = ".nii.gz") -> None:
    (root / name).mkdir(parents=True)
    for suffix in suffixes:
        (root / name / f"{Path(name).name}{separator}{suffix}{ending}").touch()


def _samples(datalist: dict) -> list[dict]:
    return [sample for section in SECTIONS for sample in datalist[section]]


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", ["BraTS20_Training_{:03d}", "HGG/BraTS2021_{:05d}"])
def test_brats_2020_and_2021(tmp_path: Path, name: str, ending: str) -> None:
    for i in range(10):
        _case(tmp_path, name.format(i), "t1", "t1ce", "t2", "flair", "seg", ending=ending)
    datalist = make_brats_datalist(tmp_path)
    assert [len(datalist[section]) for section in SECTIONS] == [8, 1, 1]
    assert {s["subject"] for s in _samples(datalist)} == {Path(name.format(i)).name for i in range(10)}
    for sample in _samples(datalist):
        endings = [path.split("_")[-1] for path in (*sample["image"], sample["mask"])]
        assert endings == [f"{m}{ending}" for m in ("t1", "t1ce", "t2", "flair", "seg")]
        assert sample["label"] == 1


def test_visits_of_a_patient_in_brats_2023_stay_together(tmp_path: Path) -> None:
    for patient in range(6):
        for visit in range(2):
            name = f"BraTS-GLI-{patient:05d}-{visit:03d}"
            _case(tmp_path, name, "t1n", "t1c", "t2w", "t2f", "seg", separator="-")
    datalist = make_brats_datalist(tmp_path, split=(0.5, 0.5, 0))
    assert all(len(datalist[section]) == 6 for section in SECTIONS[:2])
    assert len({s["subject"] for s in datalist["training"]}) == 3


def test_a_case_without_a_modality_or_segmentation_is_left_out(tmp_path: Path) -> None:
    _case(tmp_path, "c1", "t1", "t1ce", "t2", "flair", "seg")
    _case(tmp_path, "c2", "t1", "t1ce", "flair", "seg")
    _case(tmp_path, "c3", "t1", "t1ce", "t2", "flair")
    _case(tmp_path, "c4", "t1", "t1ce", "t2", "flair")
    (tmp_path / "c4/W39_1998.09.19_Segm.nii.gz").touch()  # as case 355 of BraTS 2020
    datalist = make_brats_datalist(tmp_path)
    assert sorted(s["subject"] for s in _samples(datalist)) == ["c1", "c4"]
    reasons = {Path(e["case"]).name: e["reason"].split(",")[0] for e in datalist["left_out"]}
    assert reasons == {"c2": "expected t2", "c3": "expected mask"}


@pytest.mark.parametrize(
    ("folder", "names", "taken"),
    [
        ("flat", ["p1_t1", "p1_flair", "p2_seg"], False),
        ("flat", ["p1_t1", "p1_flair", "seg"], True),
        ("P1", ["p1_t1", "p1_flair", "W39_Segm"], True),
        ("p1", ["t1", "flair", "p1_lesion_seg"], True),
    ],
)
def test_a_mask_of_another_name_is_taken_in_a_folder_of_the_case_alone(
    tmp_path: Path, folder: str, names: list[str], taken: bool
) -> None:
    _flat(tmp_path / folder, *names)
    made = make_brats_datalist(tmp_path, modalities=["t1", "flair"])
    mask = f"{folder}/{names[-1]}.nii.gz"
    found = [sample.get("mask") for sample in _samples(made)]
    assert found == [str(tmp_path / mask) if taken else None]
    assert made.get("unmatched", []) == ([] if taken else [mask])


def test_without_any_segmentation_every_case_is_used(tmp_path: Path) -> None:
    _case(tmp_path, "c1", "t1", "t1ce", "t2", "flair")
    assert "mask" not in make_brats_datalist(tmp_path)["training"][0]


def test_nothing_usable(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected NIfTI files <case>_<modality>.*found an empty folder"):
        make_brats_datalist(tmp_path)
    _case(tmp_path, "c2", "t1", "t1ce", "flair")
    with pytest.raises(DataError, match=r"c2: expected t2, found only c2_flair\.nii\.gz, c2_t1\.nii\.gz"):
        make_brats_datalist(tmp_path)


def test_plainly_named_files_of_real_cases(shared: Callable[[str], Path]) -> None:
    glioma = make_brats_datalist(shared("realdata/tcga_lgg"))["training"]
    assert [s["subject"] for s in glioma] == ["FG-6692"]
    assert Path(glioma[0]["mask"]).name == "seg_fused.nii.gz"
    ms = _samples(make_brats_datalist(shared("realdata/open_ms/cross_mni")))
    assert sorted(s["subject"] for s in ms) == ["p07", "p19"]
    assert [Path(file).name for file in ms[0]["image"]] == [f"{m}.nii.gz" for m in ("t1", "t1ce", "t2", "flair")]


def _flat(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.nii.gz").touch()


def test_ten_cases_in_one_folder_are_ten_samples(tmp_path: Path) -> None:
    for i in range(10):
        _flat(tmp_path, *(f"P{i:02d}_{m}" for m in ("t1", "t1ce", "t2", "flair", "seg")))
    samples = _samples(make_brats_datalist(tmp_path))
    assert sorted(s["subject"] for s in samples) == [f"P{i:02d}" for i in range(10)]
    for sample in samples:
        assert {Path(f).name[:3] for f in (*sample["image"], sample["mask"])} == {sample["subject"]}


def test_no_file_of_a_patient_completes_another(tmp_path: Path) -> None:
    _flat(tmp_path / "both", *(f"P0_{m}" for m in ("t1", "t1ce", "flair", "seg")))
    _flat(tmp_path / "both", *(f"P1_{m}" for m in ("t1", "t1ce", "t2", "flair", "seg")))
    datalist = make_brats_datalist(tmp_path)
    assert [s["subject"] for s in _samples(datalist)] == ["P1"]
    assert [Path(e["case"]).name for e in datalist["left_out"]] == ["P0"]


@pytest.mark.parametrize(
    ("extra", "reason"), [("P0_t1n", "one t1, found P0_t1.nii.gz and P0_t1n"), ("P0_mask", "one mask, found P0_mask")]
)
def test_two_files_for_one_thing_are_left_out_and_named(tmp_path: Path, extra: str, reason: str) -> None:
    for i in range(2):
        _flat(tmp_path / f"P{i}", *(f"P{i}_{m}" for m in ("t1", "t2", "seg")))
    _flat(tmp_path / "P0", extra)
    datalist = make_brats_datalist(tmp_path, modalities=["t1", "t2"])
    assert [s["subject"] for s in _samples(datalist)] == ["P1"]
    assert reason in datalist["left_out"][0]["reason"]


def test_companions_links_and_capital_suffixes(tmp_path: Path) -> None:
    for i in range(4):
        _case(tmp_path / "store", f"c{i}", "t1", "seg", ending=".NII.GZ" if i % 2 else ".nii.gz")
        for file in list((tmp_path / f"store/c{i}").iterdir()):
            file.with_name(f"._{file.name}").touch()
    (tmp_path / "set/HGG").mkdir(parents=True)
    for i in range(3):
        (tmp_path / f"set/HGG/c{i}").symlink_to(tmp_path / f"store/c{i}")
    (tmp_path / "set/HGG/c9_t1.nii.gz").symlink_to(tmp_path / "gone.nii.gz")
    datalist = make_brats_datalist(tmp_path / "set", modalities=["t1"])
    assert sorted(s["subject"] for s in _samples(datalist)) == ["c0", "c1", "c2"]
    assert [Path(e["case"]).name for e in datalist["left_out"]] == ["HGG"]
    alone = make_brats_datalist(tmp_path / "set/HGG/c1", modalities=["t1"])
    assert [s["subject"] for s in _samples(alone)] == ["c1"]


def test_unknown_masks_are_named_and_can_be_said(tmp_path: Path) -> None:
    for i in range(3):
        _flat(tmp_path / f"c{i}", f"c{i}_t1", f"c{i}_Wilma", f"c{i}_brain_mask")
    datalist = make_brats_datalist(tmp_path, modalities=["t1"])
    assert all("mask" not in s for s in _samples(datalist))
    assert [f for f in datalist["unmatched"] if "Wilma" in f] == [f"c{i}/c{i}_Wilma.nii.gz" for i in range(3)]
    said = make_brats_datalist(tmp_path, modalities=["t1"], mask="Wilma")
    assert all(s["mask"].endswith("_Wilma.nii.gz") for s in _samples(said))


def test_the_corrected_mask_of_tcia_is_the_one(tmp_path: Path) -> None:
    name = "TCGA-02-0001_1998.08.01"
    _flat(tmp_path / name[:12], *(f"{name}_{m}" for m in ("t1", "GlistrBoost", "GlistrBoost_ManuallyCorrected")))
    (sample,) = _samples(make_brats_datalist(tmp_path, modalities=["t1"]))
    assert sample["mask"].endswith("_ManuallyCorrected.nii.gz") and sample["subject"] == name[:12]


def test_visits_stay_with_their_patient_and_a_pattern_says_otherwise(tmp_path: Path) -> None:
    for patient in range(4):
        for visit in range(3):
            name = f"sub-{patient:02d}_ses-{visit}"
            _flat(tmp_path / name.replace("_", "/") / "anat", f"{name}_T1w", f"{name}_FLAIR")
    datalist = make_brats_datalist(tmp_path, modalities=["t1", "flair"], split=(0.5, 0.25, 0.25))
    sections = [{s["subject"] for s in datalist[section]} for section in SECTIONS]
    assert set.union(*sections) == {f"sub-{i:02d}" for i in range(4)} and sum(map(len, sections)) == 4
    assert "sub-0" in datalist["notes"][0]
    other = make_brats_datalist(tmp_path, modalities=["t1", "flair"], subject=r"ses-\d")
    assert {s["subject"] for s in _samples(other)} == {"ses-0", "ses-1", "ses-2"} and "notes" not in other


def test_a_mask_of_a_scan_is_not_taken_for_the_lesions_but_on_demand(tmp_path: Path) -> None:
    for i in range(3):
        _flat(tmp_path / f"c{i}", *(f"c{i}_{name}" for name in ("t1", "t2", "t1_mask", "t1_brain_mask", "t2_bet")))
    datalist = make_brats_datalist(tmp_path, modalities=["t1", "t2"])
    assert len(_samples(datalist)) == 3 and all("mask" not in sample for sample in _samples(datalist))
    assert "c0/c0_t1_mask.nii.gz" in datalist["unmatched"] and len(datalist["unmatched"]) == 9
    (note,) = (line for line in datalist["notes"] if "--mask mask" in line)
    assert "c0/c0_t1_mask.nii.gz" in note and "brain_mask" not in note
    said = make_brats_datalist(tmp_path, modalities=["t1", "t2"], mask="mask")
    assert all(sample["mask"].endswith("_t1_mask.nii.gz") for sample in _samples(said)) and len(said["notes"]) == 1


@pytest.mark.parametrize("name", ["mask", "c{}_mask"])
def test_a_mask_of_a_case_is_the_lesions(tmp_path: Path, name: str) -> None:
    for i in range(3):
        _flat(tmp_path / f"c{i}", *(f"c{i}_{m}" for m in ("t1", "t2", "t1_bet")), name.format(i))
    datalist = make_brats_datalist(tmp_path, modalities=["t1", "t2"])
    assert all(sample["mask"].endswith("mask.nii.gz") for sample in _samples(datalist))
    assert len(_samples(datalist)) == 3


def test_cases_in_a_format_that_is_not_read_are_named(tmp_path: Path) -> None:
    for name in ("p1/p1_t1.nii.gz", "p2/p2_t1.mgz", "p3/p3_t1.img", "p3/p3_t1.hdr"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    left_out = make_brats_datalist(tmp_path, modalities=["t1"])["left_out"]
    assert [Path(entry["case"]).name for entry in left_out] == ["p2", "p3"]
    (tmp_path / "p1/p1_t1.nii.gz").unlink()
    with pytest.raises(DataError, match=r"p2_t1\.mgz: convert"):
        make_brats_datalist(tmp_path, modalities=["t1"])


def test_masks_in_a_folder_of_their_own(tmp_path: Path) -> None:
    names = [f"sub-{i}/ses-1/anat/sub-{i}_ses-1_FLAIR.nii.gz" for i in (1, 2, 3)]
    names += [f"derivatives/sub-{i}/ses-1/sub-{i}_ses-1_msk.nii.gz" for i in (1, 2, 3)]
    names += [f"derivatives/sub-{i}/sub-{i}_ses-1_FLAIR_mask.nii.gz" for i in (1, 2, 3)]  # perhaps of the brain
    names += ["derivatives/sub-1/other/sub-3_ses-1_mask.nii.gz", "derivatives/sub-2/ses-1/mask.nii.gz"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    made = make_brats_datalist(tmp_path, modalities=["flair"])
    masks = {s["subject"]: Path(s["mask"]).name for part in SECTIONS for s in made[part]}
    assert masks == {"sub-1": "sub-1_ses-1_msk.nii.gz", "sub-2": "sub-2_ses-1_msk.nii.gz"}
    # two that could be meant are not chosen between
    assert [Path(entry["case"]).parent.parent.name for entry in made["left_out"]] == ["sub-3"]
    assert len(made["unmatched"]) == 6
