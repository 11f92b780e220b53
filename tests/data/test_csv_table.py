# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data.csv_table import read_table
from monai_anomaly.utils import DataError

TEXT = "file,place\r\na.png,Zürich\r\n\r\nb.png,Genève\r\n,\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("change", [(",", ","), (",", ";"), (",", "\t"), (",", " ,  "), ("file", "sep=;\r\nfile")])
def test_the_same_rows_however_they_are_written(tmp_path: Path, encoding: str, change: tuple[str, str]) -> None:
    text = TEXT.replace(*change) if change[0] == "," else TEXT.replace(",", ";").replace(*change)
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    table = read_table(tmp_path / "t.csv", ["file"])
    assert [row for _, row in table.rows] == [
        {"file": "a.png", "place": "Zürich"},
        {"file": "b.png", "place": "Genève"},
    ]
    assert [line for line, _ in table.rows] == ([2, 4] if change[0] == "," else [3, 5])
    assert table.left_out == [] and bool(table.notes) == (encoding == "cp1252")


def test_rows_of_another_length_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file,label,who\na.png,0,p\nb.png\nc.png,1,q,\nd,e.png,1,r\n")
    table = read_table(tmp_path / "t.csv", ["file"])
    assert [row["file"] for _, row in table.rows] == ["a.png", "c.png"]
    assert [entry["case"].split(", ")[-1] for entry in table.left_out] == ["line 3", "line 5"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\x00\x00", "no text"),
        (b'file,label\na.png,"0\nb.png,1\n', r"line 3: expected CSV"),
        (b"file,file\na,b\n", "file more than once"),
        (b"", "found none"),
        (b"file,label\na.png\n", r"line 2: expected 2 entries"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"t\.csv.*{message}"):
        read_table(tmp_path / "t.csv", ["file"])
