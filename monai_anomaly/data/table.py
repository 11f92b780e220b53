# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from monai.utils import ensure_tuple

from ..utils import DataError, class_label, finite_number, listed, read_number, target_sites
from .assemble_datalist import assemble_datalist
from .csv_table import read_table
from .datalist import SECTIONS
from .existing import existing_file
from .own_sections import own_sections, section_named
from .site_design import check_training, lone_sites

__all__ = ["make_table_datalist"]

ENTRIES = ("image", "mask", "label", "subject", "site", "view", "slice", "section")
# how programs write that there is nothing; "NA" is R's, "<NA>" that of pandas
_NOTHING = ("", "nan", "na", "<na>", "n/a", "#n/a", "null", "none")


def make_table_datalist(
    root: str | os.PathLike,
    *,
    file: str | Sequence[str] = "file",
    label: str | None = "label",
    subject: str | None = "subject",
    site: str | None = None,
    view: str | None = None,
    mask: str | None = None,
    slice_number: str | None = None,
    scalars: Sequence[str] = (),
    classes: Mapping[str, int] | None = None,
    image_root: str | os.PathLike | None = None,
    modality: str | Sequence[str] = "image",
    section: str | None = None,
    target: str | Sequence[str] | None = None,
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
    folds: int | None = None,
    fold: int | None = None,
) -> dict[str, Any]:
    """List the images of a CSV table, one row per image.

    A row whose file does not exist, that names no patient, lacks a number or a section or is cut off is left out and
    listed with the reason.

    Args:
        root: the CSV file.
        file: column with the path of the image, which has all channels; or one column for each channel.
        label: column with the class, a whole number unless ``classes`` translates it; None: every image has class 0.
        subject: column that names the patient; None: every image is of another one, named by its path in the table.
        site: column with the scanner or hospital.
        view: column with the view; like the site it is spread evenly over the sections.
        mask: column with the path of the mask; may be blank or NA in a row.
        slice_number: column with the number of a slice in its volume, by which the results of an inference are named.
        scalars: columns with numbers, such as an age; each becomes an entry of the sample.
        classes: class of each entry of the label column, e.g. ``{"No Finding": 0, "Effusion": 1}``; rows with another
            entry are left out.
        image_root: folder the paths are relative to; by default that of the table, or its parent if the first file is
            there.
        modality: name of the channel, or of each; several columns of files give their names by default.
        section: column with the section of the row (train, val or test, in any usual spelling), in place of the random
            split.
        target: the site, or the sites, of the target domain, for a method that is to ignore the site. Its training must
            have every class; the name is kept in the datalist.
        seed: of the split by patient.
        split: shares of training, validation and test.
        folds: number of folds of a cross-validation, in place of a split with the share of the test.
        fold: which of them is tested, from 0 on.

    Raises:
        DataError: the table or a column is missing, a label is no class, no file exists, an image is listed twice with
            two labels or patients, a patient is in training and test by the column, or the target is no site or lacks a
            class.
    """
    table = Path(os.path.abspath(Path(root).expanduser()))
    scalars, files = ensure_tuple(scalars), ensure_tuple(file)
    modalities = files if modality == "image" and len(files) > 1 else ensure_tuple(modality)
    if len(files) > 1 and len(files) != len(modalities):
        raise DataError(f"modality: expected a name for each of the columns {list(files)}, found {list(modalities)}")
    if taken := [column for column in scalars if column in ENTRIES]:
        raise DataError(f"scalars: expected columns of numbers, found {', '.join(taken)}, an entry of every sample")
    found = read_table(
        table,
        [column for column in (*files, label, subject, site, view, mask, slice_number, section, *scalars) if column],
    )
    if classes is not None and label is None:
        raise DataError("classes: expected a label column to translate, found None")
    if target is not None and site is None:
        raise DataError(f"target: expected a column of sites (--site) that {target} is one of, found None")
    translated = None if classes is None else _class_table(classes)
    firsts = [row[files[0]] for _, row in found.rows[:20]]
    folder = _image_root(table, firsts) if image_root is None else Path(os.path.abspath(Path(image_root).expanduser()))
    samples, cases, left_out = [], [], [*found.left_out]
    for line, row in found.rows:
        case = f"{table}, line {line}"
        images = [existing_file(folder, row[column]) for column in files if row[column]]
        masks = {"mask": existing_file(folder, row[mask])} if mask and not _is_nothing(row[mask]) else {}
        missing = [str(path) for path in (*images, *masks.values()) if not path.is_file()]
        value = row[label] if label else "0"
        person = row[subject] if subject else row[files[0]]
        no_numbers = [column for column in scalars if _float(row[column]) is None]
        place = _number(row[slice_number]) if slice_number else "0"
        reason = None
        if len(images) < len(files) or missing:
            absent = [f"the column {column} is blank" for column in files if not row[column]]
            reason = f"expected an image file, found none: {', '.join([*missing, *absent])}"
        elif _is_nothing(person):
            reason = f"expected a patient in the column {subject}, found {person!r}"
        elif no_numbers:
            reason = f"expected a number in the column {no_numbers[0]}, found {row[no_numbers[0]]!r}"
        elif not place.isdecimal():
            reason = f"expected a whole number from 0 on in the column {slice_number}, found {place!r}"
        elif section and section_named(row[section]) is None:
            reason = f"expected train, val or test in the column {section}, found {row[section]!r}"
        elif target is not None and _is_nothing(row[str(site)]):
            reason = f"expected a site in the column {site}, found {row[str(site)] or 'none'}"
        elif translated is not None and _number(value) not in translated:
            reason = f"{label} is {value!r}, not one of {', '.join(translated)}"
        if reason is not None:
            left_out.append({"case": case, "reason": reason})
            continue
        number = translated[_number(value)] if translated is not None else _class(value, str(label), case, found.rows)
        numbers = {column: _float(row[column]) for column in scalars}
        extra: dict[str, Any] = {key: row[column] for key, column in (("site", site), ("view", view)) if column}
        extra |= {"slice": int(place)} if slice_number else {}
        extra |= {"section": str(section_named(row[section]))} if section else {}
        paths: dict[str, Any] = {"image": str(images[0]) if len(files) == 1 else [str(path) for path in images]}
        paths |= {key: str(path) for key, path in masks.items()}
        samples.append({**paths, "label": number, "subject": person, **extra, **numbers})
        cases.append(case)
    made = assemble_datalist(
        samples,
        root=table,
        description="images listed in a table, split by patient",
        modalities=modalities,
        seed=seed,
        split=split,
        folds=folds,
        fold=fold,
        left_out=left_out,
        cases=cases,
        notes=found.notes,
        divide=partial(own_sections, where=table) if section else None,
    )
    return made if target is None else _with_target(made, target, table)


def _with_target(made: Mapping[str, Any], target: str | Sequence[str], table: Path) -> dict[str, Any]:
    """The datalist with the site of the target domain in its header, and a note on sites with one image."""
    samples = [sample for name in SECTIONS for sample in made.get(name, [])]
    classes = {sample["label"] for sample in samples}
    sites = {str(sample["site"]) for sample in samples}
    check_training(made["training"], target, classes, f"{table}, section 'training'", sites)
    notes = [*made.get("notes", ()), *filter(None, [lone_sites(samples)])]
    names = target_sites(target)
    header = {"target": names[0] if len(names) == 1 else names}
    return {**header, **made, **({"notes": notes} if notes else {})}


def _image_root(table: Path, names: Sequence[str]) -> Path:
    beside, above = table.parent, table.parent.parent
    there = [[existing_file(folder, name).is_file() for name in names if name] for folder in (beside, above)]
    return above if any(there[1]) and not any(there[0]) else beside


def _class_table(classes: Mapping[str, int]) -> dict[str, int]:
    if not isinstance(classes, Mapping):
        raise DataError(f"classes: expected a class of each entry, like {{'Healthy': 0, 'Sick': 1}}, found {classes!r}")
    return {_number(str(entry)): class_label(number, f"classes: {entry}") for entry, number in classes.items()}


def _number(entry: str) -> str:
    """An entry, in one spelling if it is a whole number: 1.0 is 1."""
    number = read_number(entry)
    return str(int(number)) if number.is_integer() else entry.strip()


def _float(entry: str) -> float | None:
    try:
        return finite_number(entry, "entry")
    except DataError:
        return None


def _is_nothing(entry: str) -> bool:
    return entry.strip().lower() in _NOTHING


def _class(value: str, column: str, case: str, rows: Sequence[tuple[int, Mapping[str, str]]]) -> int:
    try:
        return class_label(value, f"{case}, column {column}")
    except DataError as error:
        # which of them is healthy the user knows
        entries = dict.fromkeys(_number(row[column]) for _, row in rows if not _is_nothing(row[column]))
        table = listed(f"{entry!r}: N" for entry in entries)
        way_out = f'--classes "{{{table}}}", with a class for each N, 0 for healthy, leaves out all other entries'
        raise DataError(f"{error}; {way_out}") from error
