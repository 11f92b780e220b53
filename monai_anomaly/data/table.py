# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_anomaly.utils import DataError

from .datalist import assemble_datalist

__all__ = ["make_table_datalist", "read_table"]


def read_table(path: str | os.PathLike, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV file with a header line.

    Args:
        path: the file.
        columns: columns that must be there.

    Raises:
        DataError: the file, a column or every row is missing.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise DataError(f"{path}: expected a CSV file with the columns {', '.join(columns)}, found {found}")
    with open(path, newline="", encoding="utf-8-sig") as f:
        reader = csv.DictReader(f)
        header = list(reader.fieldnames or [])
        absent = [column for column in columns if column not in header]
        if absent:
            raise DataError(f"{path}: expected the columns {', '.join(absent)}, found {', '.join(header) or 'none'}")
        rows = list(reader)
    if not rows:
        raise DataError(f"{path}: expected rows below the header, found none")
    return rows


def make_table_datalist(
    root: str | os.PathLike,
    *,
    file: str = "file",
    label: str = "label",
    subject: str = "subject",
    site: str | None = None,
    view: str | None = None,
    mask: str | None = None,
    classes: Mapping[str, int] | None = None,
    image_root: str | os.PathLike | None = None,
    modality: str = "image",
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
) -> dict[str, Any]:
    """List the images of a CSV table, one row an image.

    A row whose file does not exist is left out and listed with the reason.

    Args:
        root: the CSV file.
        file: column with the path of the image.
        label: column with the class, a whole number unless ``classes`` translates it.
        subject: column that names the patient.
        site: column with the scanner or hospital.
        view: column with the view; like the site it is spread evenly over the sections.
        mask: column with the path of the mask; may be blank in a row.
        classes: class of each entry of the label column, e.g. ``{"No Finding": 0, "Effusion": 1}``; rows with another
            entry are left out.
        image_root: folder the paths are relative to; by default that of the table, or its parent if the first file is
            there.
        modality: name of the channel.
        seed: of the split by patient.
        split: shares of training, validation and test.

    Raises:
        DataError: the table or a column is missing, a label is not a number, or no file exists.
    """
    table = Path(os.path.abspath(Path(root).expanduser()))
    rows = read_table(table, [column for column in (file, label, subject, site, view, mask) if column])
    folder = _image_root(table, rows[0][file]) if image_root is None else Path(os.path.abspath(image_root))
    samples, left_out = [], []
    for number, row in enumerate(rows, start=2):
        entry = {"case": f"{table}, line {number}"}
        paths = {
            key: folder / row[column] for key, column in (("image", file), ("mask", mask)) if column and row[column]
        }
        missing = [str(path) for path in paths.values() if not path.is_file()]
        value = row[label].strip()
        if "image" not in paths or missing:
            left_out.append({**entry, "reason": f"expected an image file, found none: {', '.join(missing)}"})
        elif classes is not None and value not in classes:
            left_out.append({**entry, "reason": f"{label} is {value!r}, not one of {', '.join(classes)}"})
        else:
            extra = {key: row[column] for key, column in (("site", site), ("view", view)) if column}
            number_of_class = classes[value] if classes is not None else _whole(value, label, entry["case"])
            samples.append(
                {**{k: str(p) for k, p in paths.items()}, "label": number_of_class, "subject": row[subject], **extra}
            )
    return assemble_datalist(
        samples,
        root=table,
        description="images listed in a table, split by patient",
        modalities=[modality],
        seed=seed,
        split=split,
        left_out=left_out,
    )


def _image_root(table: Path, first: str) -> Path:
    return table.parent.parent if (table.parent.parent / first).is_file() else table.parent


def _whole(value: str, column: str, case: str) -> int:
    try:
        if float(value).is_integer():
            return int(float(value))
    except (ValueError, OverflowError):
        pass
    raise DataError(f"{case}: expected a whole number in the column {column}, found {value!r}")
