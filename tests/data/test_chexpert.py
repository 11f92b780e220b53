# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data import make_chexpert_datalist
from monai_anomaly.utils import DataError

HEADER = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Edema,Pleural Effusion"
# view, AP/PA, No Finding, Edema, Pleural Effusion
PATTERNS = {
    "healthy": "Frontal,PA,1.0,,",
    "diseased": "Frontal,AP,,,1.0",
    "uncertain": "Frontal,AP,,,-1.0",
    "uncertain healthy": "Frontal,AP,1.0,,-1.0",
    "absent": "Frontal,AP,,1.0,0.0",
    "lateral": "Lateral,,1.0,,",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    release = tmp_path / "CheXpert-v1.0-small"
    lines = [HEADER]
    for number in range(20):
        for study, pattern in enumerate(PATTERNS.values(), start=1):
            path = f"CheXpert-v1.0-small/train/patient{number:05d}/study{study}/view1.jpg"
            (tmp_path / path).parent.mkdir(parents=True)
            (tmp_path / path).touch()
            lines.append(f"{path},Male,60,{pattern}")
    (release / "train.csv").write_text("\n".join(lines))
    return release


def _count(datalist: dict) -> tuple[int, int]:
    labels = [s["label"] for section in ("training", "validation", "test") for s in datalist[section]]
    return labels.count(0), labels.count(1)


@pytest.mark.parametrize(
    ("uncertain", "healthy", "diseased"), [("exclude", 20, 20), ("positive", 20, 60), ("negative", 40, 20)]
)
def test_uncertain_findings(root: Path, uncertain: str, healthy: int, diseased: int) -> None:
    assert _count(make_chexpert_datalist(root, uncertain=uncertain)) == (healthy, diseased)


def test_what_is_not_used_is_counted(root: Path) -> None:
    assert make_chexpert_datalist(root)["not_used"] == {
        "uncertain": 40,
        "neither healthy nor diseased": 20,
        "lateral": 20,
    }


def test_lateral_views_and_other_findings_by_argument(root: Path) -> None:
    assert _count(make_chexpert_datalist(root, frontal_only=False)) == (40, 20)
    assert _count(make_chexpert_datalist(root, finding="Edema")) == (40, 20)


def test_split_by_patient(root: Path) -> None:
    datalist = make_chexpert_datalist(root)
    subjects = [{s["subject"] for s in datalist[section]} for section in ("training", "validation", "test")]
    assert [len(s) for s in subjects] == [16, 2, 2]
    assert len(set.union(*subjects)) == 20
    assert {s["view"] for s in datalist["test"]} == {"AP", "PA"}


def test_a_renamed_release_folder(root: Path) -> None:
    renamed = root.rename(root.parent / "chexpert")
    datalist = make_chexpert_datalist(renamed)
    assert _count(datalist) == (20, 20)
    assert all(Path(s["image"]).is_file() for s in datalist["training"])


def test_a_missing_image_is_left_out(root: Path) -> None:
    (root / "train/patient00003/study1/view1.jpg").unlink()
    datalist = make_chexpert_datalist(root)
    assert _count(datalist) == (19, 20)
    assert [entry["reason"] for entry in datalist["left_out"]] == [
        f"{root}/train/patient00003/study1/view1.jpg: expected an image, found nothing"
    ]


def test_bad_tables(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.csv: expected the columns Pneumonia, found Path, Sex"):
        make_chexpert_datalist(root, finding="Pneumonia")
    text = (root / "train.csv").read_text(encoding="utf-8")
    (root / "train.csv").write_text(text.replace("Frontal,AP,,,1.0", "Frontal,AP,,,yes"))
    with pytest.raises(DataError, match=r"train\.csv, line 3: .*'yes'"):
        make_chexpert_datalist(root)
    (root / "train.csv").unlink()
    with pytest.raises(DataError, match=r"train\.csv: expected a CSV file"):
        make_chexpert_datalist(root)
    with pytest.raises(ValueError, match="maybe"):
        make_chexpert_datalist(root, uncertain="maybe")


def test_the_table_as_other_programs_write_it_and_a_pattern_for_patients(root: Path) -> None:
    expected = make_chexpert_datalist(root)
    text = (
        (root / "train.csv")
        .read_text(encoding="utf-8")
        .replace("/", "\\")
        .replace("Frontal\\Lateral", "Frontal/Lateral")
    )
    (root / "train.csv").write_bytes(text.replace("AP\\PA", "AP/PA").replace(",", ";").encode("utf-16"))
    assert make_chexpert_datalist(root)["training"] == expected["training"]
    with (root / "train.csv").open("a", encoding="utf-16-le") as f:
        f.write("\nCheXpert-v1.0-small\\tr")
    datalist = make_chexpert_datalist(root, subject=r"patient0*(\d+)")
    assert "line 122" in datalist["left_out"][0]["case"]
    subjects = {s["subject"] for section in ("training", "validation", "test") for s in datalist[section]}
    assert subjects == {str(i) for i in range(20)}
    with pytest.raises(DataError, match=r"line 2: expected .* to match the subject pattern"):
        make_chexpert_datalist(root, subject="nobody")
