# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data import assemble_datalist, make_brats_datalist, make_table_datalist


def _patients(folder: Path, names: list[str]) -> tuple[list[str], list[str]]:
    samples = []
    for number, name in enumerate(names):
        (folder / f"{number}.png").touch()
        samples.append({"image": str(folder / f"{number}.png"), "label": 0, "subject": name})
    made = assemble_datalist(samples, root=folder, description="images", modalities=["image"])
    listed = {s["image"]: s["subject"] for part in ("training", "validation", "test") for s in made[part]}
    return [listed[s["image"]] for s in samples], made.get("notes", [])


@pytest.mark.parametrize(
    "names",
    [
        ["007", "7", "7.0"],
        ["P01", "p01"],
        ["P007", "P7", "p07"],
        ["A01-B002", "A1-B2"],
        ["M\u00fcller", "Mu\u0308ller"],
        ["P\u200b4", "P4", "\ufeffP4"],
        ["P 5", "P\u00a05", "P  5"],
    ],
)
def test_one_patient_is_not_several_by_how_it_is_written(tmp_path: Path, names: list[str]) -> None:
    found, notes = _patients(tmp_path, names)
    assert set(found) == {names[0]}
    assert len(notes) == 1 and "one patient" in notes[0] and all(ascii(name) in notes[0] for name in names)


def test_other_patients_stay_apart(tmp_path: Path) -> None:
    names = ["1", "10", "100", "0", "P1", "P10", "P1a", "P0", "P", "1.5", "1-0"]
    assert _patients(tmp_path, names) == (names, [])


def test_numbers_that_a_spreadsheet_cut_short_are_told(tmp_path: Path) -> None:
    _, notes = _patients(tmp_path, ["1.23E+05", "2,01E+11", "1E7", "5"])
    assert len(notes) == 1 and "2 name(s)" in notes[0] and "1.23E+05" in notes[0]


def test_umlauts_of_two_systems_in_names_of_files(tmp_path: Path) -> None:
    for patient in ("B\u00f6se (2)", "Bo\u0308hm"):
        for number, modality in enumerate(("t1", "t2", "seg")):
            name = patient if number else patient.replace("\u00f6", "o\u0308")
            (tmp_path / f"{name}_{modality}.nii.gz").touch()
    made = make_brats_datalist(tmp_path, modalities=["t1", "t2"])
    assert sum(len(made[part]) for part in ("training", "validation", "test")) == 2 and not made["left_out"]


def test_umlauts_of_two_systems_in_a_table(tmp_path: Path) -> None:
    (tmp_path / "Bo\u0308se.png").touch()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/M\u00fcller.png").touch()
    rows = ["file,label,subject", "B\u00f6se.png,0,1", "in\\Mu\u0308ller.png,1,2"]
    (tmp_path / "t.csv").write_text("\n".join(rows), encoding="utf-8")
    made = make_table_datalist(tmp_path / "t.csv")
    assert sum(len(made[part]) for part in ("training", "validation", "test")) == 2 and not made["left_out"]
