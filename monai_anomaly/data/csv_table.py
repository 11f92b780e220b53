# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..utils import DataError

__all__ = ["Table", "read_table"]

_DELIMITERS = ",;\t"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass
class Table:
    """The rows of a CSV file, without blanks around the entries.

    Args:
        rows: number of the line in the file, and the entries by column.
        left_out: rows that were cut off or have too many entries, as ``{"case": ..., "reason": ...}``.
        notes: what was assumed about the file.
    """

    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_table(path: str | os.PathLike, columns: Sequence[str]) -> Table:
    """Read a CSV file with a header line, as Excel and other programs write it.

    The text may be UTF-8, UTF-16 or Windows-1252, the entries separated by commas, semicolons or tabs. Rows without any
    entry are passed over.

    Args:
        path: the file.
        columns: columns that must be there.

    Raises:
        DataError: the file, a column or every row is missing, or it is no text in CSV.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise DataError(f"{path}: expected a CSV file with the columns {', '.join(columns)}, found {found}")
    text, notes = _decode(path)
    header, reader = _header(path, text, columns)
    table = Table(notes=notes)
    try:
        for cells in reader:
            entries = [cell.strip() for cell in cells]
            line = reader.line_num
            if not any(entries):
                continue
            if len(entries) < len(header) or any(entries[len(header) :]):
                reason = f"expected {len(header)} entries, found {len(entries)}: {', '.join(entries)[:80]}"
                table.left_out.append({"case": f"{path}, line {line}", "reason": reason})
            else:
                table.rows.append((line, dict(zip(header, entries, strict=False))))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: expected CSV, found {error}") from error
    if not table.rows:
        reasons = "; ".join(f"{entry['case']}: {entry['reason']}" for entry in table.left_out[:3]) or "none"
        raise DataError(f"{path}: expected rows below the header, found {reasons}")
    return table


def _decode(path: Path) -> tuple[str, list[str]]:
    data = path.read_bytes()
    for mark, encoding in (*_MARKS, (b"", "utf-8")):
        if data.startswith(mark):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError:
                break
            if "\0" in text:
                break
            return text, []
    if b"\0" in data:
        raise DataError(f"{path}: expected a CSV file, found bytes that are no text (a workbook? save it as CSV)")
    return data.decode("cp1252", errors="replace"), [f"{path} is not UTF-8; it was read as Windows-1252 (Latin-1)"]


def _header(path: Path, text: str, columns: Sequence[str]) -> tuple[list[str], Any]:
    """The names of the columns, by the delimiter that finds the most of those asked for, and the rest of the rows."""
    # Excel's own first line
    told = re.match(r"sep=(.)\r?\n", text)
    header: list[str] = []
    rows = None
    for delimiter in told.group(1) if told else _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
        try:
            if told:
                next(reader)
            names = [name.strip() for name in next(reader, [])]
        except csv.Error:  # quotes of another delimiter
            continue
        score = [(sum(column in n for column in columns), len(n)) for n in (names, header)]
        if rows is None or score[0] > score[1]:
            header, rows = names, reader
    if absent := [column for column in columns if column not in header]:
        raise DataError(f"{path}: expected the columns {', '.join(absent)}, found {', '.join(header) or 'none'}")
    if twice := [column for column in columns if header.count(column) > 1]:
        raise DataError(f"{path}: expected each column once, found {', '.join(twice)} more than once")
    return header, rows
