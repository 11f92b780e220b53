# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from monai_anomaly.apps.datalist import datalist
from monai_anomaly.data import load_site_samples, make_table_datalist, save_datalist
from monai_anomaly.utils import DataError, read_json


def _table(folder: Path, *rows: str, header: str = "file,label,subject,scanner,seg") -> Path:
    for name in ("a.png", "b.png", "c.png", "m.png"):
        (folder / name).touch()
    (folder / "table.csv").write_text("\n".join([header, *rows]))
    return folder / "table.csv"


def _samples(datalist: dict) -> list[dict]:
    return sorted((s for key in ("training", "validation", "test") for s in datalist[key]), key=lambda s: s["image"])


def test_columns(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.png,0,p1,A,", "b.png,1.0,p2,B,m.png")
    assert _samples(make_table_datalist(table, site="scanner", mask="seg")) == [
        {"image": str(tmp_path / "a.png"), "label": 0, "subject": "p1", "site": "A"},
        {"image": str(tmp_path / "b.png"), "mask": str(tmp_path / "m.png"), "label": 1, "subject": "p2", "site": "B"},
    ]


def test_named_classes(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.png,No Finding,p1,A,", "b.png,Effusion,p2,B,", "c.png,Mass,p3,B,")
    datalist = make_table_datalist(table, classes={"No Finding": 0, "Effusion": 1})
    assert [s["label"] for s in _samples(datalist)] == [0, 1]
    assert datalist["left_out"] == [
        {"case": f"{table}, line 4", "reason": "label is 'Mass', not one of No Finding, Effusion"}
    ]


def test_a_missing_file_is_left_out_and_named(tmp_path: Path) -> None:
    datalist = make_table_datalist(_table(tmp_path, "a.png,0,p1,A,", "x.png,1,p2,B,"))
    assert len(_samples(datalist)) == 1
    assert "x.png" in datalist["left_out"][0]["reason"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["a.png,sick,p1,A,"],
            r"table\.csv, line 2, column label: expected a class, .* found 'sick'",
        ),
        ([], r"table\.csv: expected rows"),
        (["x.png,0,p1,A,"], r"table\.csv: .*found no usable case .*x\.png"),
    ],
)
def test_bad_rows(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_table_datalist(_table(tmp_path, *rows))


def test_a_missing_column_or_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"table\.csv: expected the columns patient, found file, label"):
        make_table_datalist(_table(tmp_path), subject="patient")
    with pytest.raises(DataError, match=r"none\.csv: expected a CSV file"):
        make_table_datalist(tmp_path / "none.csv")


def test_columns_of_numbers(tmp_path: Path) -> None:
    rows = ["a.png,0,p1,A,,0", "b.png,0,p2,A,,63.5", "c.png,0,p3,A,,old"]
    table = _table(tmp_path, *rows, header="file,label,subject,scanner,seg,age")
    datalist = make_table_datalist(table, scalars=["age"])
    assert [sample["age"] for sample in _samples(datalist)] == [0.0, 63.5]
    assert datalist["left_out"] == [
        {"case": f"{table}, line 4", "reason": "expected a number in the column age, found 'old'"}
    ]


def test_a_table_of_healthy_people_that_has_no_class_and_no_patient(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.png,30", "b.png,40", header="file,age")
    found = _samples(make_table_datalist(table, label=None, subject=None, scalars="age"))
    assert [(s["subject"], s["label"], s["age"]) for s in found] == [("a.png", 0, 30.0), ("b.png", 0, 40.0)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scalars": ["height"]}, r"table\.csv: expected the columns height, found file"),
        ({"scalars": ["label"]}, r"scalars: expected columns of numbers, found label"),
        ({"label": None, "classes": {"a": 0}}, r"classes: expected a label column"),
    ],
)
def test_bad_columns(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_table_datalist(_table(tmp_path, "a.png,0,p1,A,"), **arguments)


def test_real_chest_x_rays(shared: Callable[[str], Path]) -> None:
    table = shared("realdata/nih_cxr64/labels.csv")
    datalist = make_table_datalist(table, label="effusion", subject="patient_id", view="view")
    assert datalist["left_out"] == []
    counts = Counter((s["label"], s["view"]) for s in _samples(datalist))
    assert counts == {(0, "AP"): 105, (0, "PA"): 283, (1, "AP"): 77, (1, "PA"): 45}
    subjects = [{s["subject"] for s in datalist[key]} for key in ("training", "validation", "test")]
    assert sum(map(len, subjects)) == len(set.union(*subjects))
    for key in ("validation", "test"):
        assert {s["label"] for s in datalist[key]} == {0, 1}


def test_blanks_and_signs_of_windows_do_not_make_new_patients(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abcd":
        (tmp_path / f"in/{name}.png").touch()
    rows = ["in\\a.png, 0, P1 ", "in/b.png,1,P1", " in/c.png ,0,P2", "in/d.png,1, P2"]
    datalist = make_table_datalist(_table(tmp_path, *rows, header="file, label, subject "), split=(0.5, 0.5, 0))
    assert [len(datalist[key]) for key in ("training", "validation")] == [2, 2] and not datalist["left_out"]
    assert {s["subject"] for s in datalist["training"]} != {s["subject"] for s in datalist["validation"]}
    assert {s["subject"] for s in _samples(datalist)} == {"P1", "P2"}


@pytest.mark.parametrize("nobody", ["", " ", "nan", "N/A", "NA", "<NA>"])
def test_a_row_without_a_patient_is_left_out(tmp_path: Path, nobody: str) -> None:
    datalist = make_table_datalist(_table(tmp_path, "a.png,0,p1,A,", f"b.png,1,{nobody},A,"))
    assert len(_samples(datalist)) == 1
    assert "line 3" in datalist["left_out"][0]["case"] and "patient" in datalist["left_out"][0]["reason"]


@pytest.mark.parametrize("label", ["-1.0", "1.5", "nan", ""])
def test_a_label_that_is_no_class_names_line_column_and_way_out(tmp_path: Path, label: str) -> None:
    with pytest.raises(DataError, match=r"line 3, column label: expected a class, .*--classes"):
        make_table_datalist(_table(tmp_path, "a.png,0,p1,A,", f"b.png,{label},p2,A,"))


def test_the_way_out_names_the_entries_that_were_found(tmp_path: Path) -> None:
    rows = ["a.png,no,p1,A,", "b.png,yes,p2,A,", "c.png,NA,p3,A,", "a.png,1.0,p1,A,"]
    with pytest.raises(DataError, match=r"""--classes "{'no': N, 'yes': N, '1': N}", with a class for each N"""):
        make_table_datalist(_table(tmp_path, *rows))


def test_na_is_no_mask(tmp_path: Path) -> None:
    made = make_table_datalist(_table(tmp_path, "a.png,0,p1,A,NA", "b.png,1,p2,A,m.png"), mask="seg")
    assert [sample.get("mask") for sample in _samples(made)] == [None, str(tmp_path / "m.png")]


def test_classes_may_be_numbers(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.png,1.0,p1,A,", "b.png,-1,p2,B,", "c.png,0,p3,B,")
    datalist = make_table_datalist(table, classes={0: 0, 1: 1})  # type: ignore[dict-item]
    assert [s["label"] for s in _samples(datalist)] == [1, 0] and len(datalist["left_out"]) == 1


@pytest.mark.parametrize("second", ["a.png,1,p1,A,", "./a.png,0,p2,A,"])
def test_an_image_twice_with_another_label_or_patient(tmp_path: Path, second: str) -> None:
    with pytest.raises(DataError, match=r"line 4: expected each image once, .*line 2"):
        make_table_datalist(_table(tmp_path, "a.png,0,p1,A,", "b.png,1,p3,A,", second))


def test_an_image_twice_in_two_sections(tmp_path: Path) -> None:
    table = _table(tmp_path, "a.png,0,p1,train", "a.png,0,p1,test", header="file,label,subject,part")
    with pytest.raises(DataError, match=r"line 3: .*line 2, with the section 'training' there and 'test' here"):
        make_table_datalist(table, section="part")


def test_one_mask_must_hold_all_lesions_of_an_image(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(tmp_path / "m.png")
    (tmp_path / "n.png").touch()
    rows = ["a.png,1,p1,A,m.png", "a.png,1,p1,A,link.png", "b.png,0,p2,A,"]
    made = make_table_datalist(_table(tmp_path, *rows), mask="seg")
    assert [Path(s["mask"]).name for s in _samples(made) if "mask" in s] == ["m.png"] and len(made["left_out"]) == 1
    with pytest.raises(DataError, match=r"line 3: expected each image once, .*line 2, with the mask .*one mask must"):
        make_table_datalist(_table(tmp_path, rows[0], "a.png,1,p1,A,n.png"), mask="seg")
    # a row without one does not hide it
    made = make_table_datalist(_table(tmp_path, "a.png,1,p1,A,", rows[0], rows[0]), mask="seg")
    assert [Path(s["mask"]).name for s in _samples(made)] == ["m.png"]
    assert [e["case"][-6:] + e["reason"][-6:] for e in made["left_out"]] == ["line 2line 3", "line 4line 3"]


def test_the_same_row_twice_counts_once(tmp_path: Path) -> None:
    datalist = make_table_datalist(_table(tmp_path, "a.png,0,p1,A,", "a.png,0,p1,A,", "b.png,1,p2,A,"))
    assert len(_samples(datalist)) == 2 and "line 3" in datalist["left_out"][0]["case"]


def _sites(folder: Path, *rows: str) -> Path:
    """Rows of ``label,subject,site,part``; each has a volume of its own."""
    for number in range(len(rows)):
        (folder / f"{number}.nii.gz").touch()
    lines = [f"{number}.nii.gz,{row}" for number, row in enumerate(rows)]
    (folder / "sites.csv").write_text("\n".join(["file,label,subject,site,part", *lines]))
    return folder / "sites.csv"


DESIGN = (
    "0,a,A,Train",
    "1,b,A,training",
    "1,c,B,TRAIN",
    "1,d,B,tr",
    "0,e,A,val",
    "1,f,A,Valid",
    "0,g,A,test",
    "1,h,B,TE",
)


def test_a_column_names_the_sections(tmp_path: Path) -> None:
    made = make_table_datalist(_sites(tmp_path, *DESIGN), site="site", section="part", target="A", modality="flair")
    people = {section: [s["subject"] for s in made[section]] for section in ("training", "validation", "test")}
    assert people == {"training": [*"abcd"], "validation": [*"ef"], "test": [*"gh"]}
    assert made["target"] == "A" and made["modalities"] == ["flair"]
    assert not {"seed", "split", "notes"} & set(made)
    assert made["test"][1] == {"image": str(tmp_path / "7.nii.gz"), "label": 1, "subject": "h", "site": "B"}
    save_datalist(tmp_path / "list.json", made)
    assert [s["subject"] for s in load_site_samples(tmp_path / "list.json", "training")] == [*"abcd"]


def test_a_row_without_a_section_or_a_site_is_left_out(tmp_path: Path) -> None:
    table = _sites(tmp_path, *DESIGN, "0,i,A,", "0,j,A,extra", "0,k,,test", "0,l,NA,test")
    made = make_table_datalist(table, site="site", section="part", target="A")
    assert [entry["reason"] for entry in made["left_out"]] == [
        "expected train, val or test in the column part, found ''",
        "expected train, val or test in the column part, found 'extra'",
        "expected a site in the column site, found none",
        "expected a site in the column site, found NA",
    ]


def test_a_patient_in_two_sections_by_the_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sites\.csv: .* one section, found in training and test: a"):
        make_table_datalist(_sites(tmp_path, *DESIGN, "0,A,A,test"), section="part")
    with pytest.warns(UserWarning, match=r"sites\.csv: .* found in training and validation: a"):
        make_table_datalist(_sites(tmp_path, *DESIGN, "0,a,A,val"), section="part")


def test_what_a_target_needs(tmp_path: Path) -> None:
    table = _sites(tmp_path, *DESIGN, "0,i,C,train")
    made = make_table_datalist(table, site="site", section="part", target=["A", "B"])
    assert made["target"] == ["A", "B"]
    assert any("one image only of the site(s) C" in note for note in made["notes"])
    for target, message in {
        "B": r"\(B\), found no image of class 0: name another target",
        "X": "expected the target among the sites A, B, C, found X",
    }.items():
        with pytest.raises(DataError, match=rf"sites\.csv, section 'training': .*{message}"):
            make_table_datalist(table, site="site", section="part", target=target)
    with pytest.raises(DataError, match=r"target: expected a column of sites \(--site\)"):
        make_table_datalist(table, section="part", target="A")


def test_a_target_with_a_random_split(tmp_path: Path) -> None:
    rows = [f"{i % 2},{i},{site},-" for i, site in enumerate("A" * 20 + "B" * 20)]
    made = make_table_datalist(_sites(tmp_path, *rows), site="site", target="A", split=(0.5, 0.2, 0.3))
    assert made["target"] == "A" and made["split"] == [0.5, 0.2, 0.3]
    assert len(made["training"]) == 20


def _slices(tmp_path: Path, header: str, row: str, count: int = 10) -> Path:
    for number in range(count):
        for name in ("t1", "flair", "rgb"):
            (tmp_path / f"{number}_{name}.png").touch()
    lines = [header, *(row.replace("#", str(number)) for number in range(count))]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return tmp_path / "table.csv"


def test_one_file_with_several_channels(tmp_path: Path) -> None:
    table = _slices(tmp_path, "file,label,subject", "#_rgb.png,1,#")
    made = make_table_datalist(table, modality=["t1", "flair", "t1ce"])
    assert made["modalities"] == ["t1", "flair", "t1ce"] and isinstance(made["training"][0]["image"], str)


def test_one_column_of_files_for_each_channel(tmp_path: Path) -> None:
    table = _slices(tmp_path, "a,b,label,subject", "#_t1.png,#_flair.png,1,#")
    made = make_table_datalist(table, file=["a", "b"], modality=["t1", "flair"])
    image = made["training"][0]["image"]
    assert made["modalities"] == ["t1", "flair"] and [Path(p).name[1:] for p in image] == ["_t1.png", "_flair.png"]
    assert make_table_datalist(table, file=["a", "b"])["modalities"] == ["a", "b"]
    with pytest.raises(DataError, match="modality: expected a name for each of the columns"):
        make_table_datalist(table, file=["a", "b"], modality=["t1", "flair", "t1ce"])


def test_a_row_that_lacks_one_of_its_files_is_left_out(tmp_path: Path) -> None:
    table = _slices(tmp_path, "a,b,label,subject", "#_t1.png,#_flair.png,1,#")
    table.write_text(table.read_text().replace("3_flair.png", "").replace("4_flair.png", "no.png"))
    reasons = [entry["reason"] for entry in make_table_datalist(table, file=["a", "b"])["left_out"]]
    assert "the column b is blank" in reasons[0] and "no.png" in reasons[1] and len(reasons) == 2


def test_numbers_of_slices(tmp_path: Path) -> None:
    table = _slices(tmp_path, "file,label,subject,z", "#_rgb.png,1,same,#")
    table.write_text(table.read_text().replace("same,4", "same,top").replace("same,5", "same,5.0"))
    made = make_table_datalist(table, slice_number="z", split=[0, 0, 1])
    assert sorted(sample["slice"] for sample in made["test"]) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert "expected a whole number from 0 on in the column z, found 'top'" in made["left_out"][0]["reason"]


def test_folds_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = _slices(tmp_path, "file,label,subject", "#_rgb.png,1,#")
    out = tmp_path / "datalist.json"
    datalist("table", table, out, folds="5", fold="2", modality="['t1','flair','t1ce']")
    made = read_json(out)
    assert (made["folds"], made["fold"], made["modalities"]) == (5, 2, ["t1", "flair", "t1ce"])
    assert [len(made[section]) for section in ("training", "validation", "test")] == [7, 1, 2]
    with pytest.raises(DataError, match="--folds and --fold together"):
        datalist("table", table, out, folds="5")
    with pytest.raises(DataError, match="the data name the sections"):
        (tmp_path / "parts.csv").write_text("file,label,subject,part\n0_rgb.png,1,a,train\n")
        datalist("table", tmp_path / "parts.csv", out, folds="5", fold="0", section="part")
