# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.utils import DataError, differing_entries, read_json, write_json


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_with_and_without_the_mark_of_windows(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"name": "Fuß"}\r\n', encoding=encoding)
    assert read_json(path) == {"name": "Fuß"}


@pytest.mark.parametrize("content", [b"{", b"", b"\xff", b"\x00", b"[" * 100000, None])
def test_what_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.json"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json: expected a list of scans, found ."):
        read_json(path, "a list of scans")


def test_lists_of_odd_strings_survive_on_one_line(tmp_path: Path) -> None:
    entries = {"a": ["$[1, 2]", "x,", " [ ", "line\nbreak"], "b": [[1, 2], {"c": ["t1", "t 2"]}], "d": [0.5, None]}
    write_json(tmp_path / "b.json", entries)
    assert read_json(tmp_path / "b.json") == entries
    assert '"d": [0.5, null]' in (tmp_path / "b.json").read_text(encoding="utf-8")


def test_what_differs_is_named_by_its_place() -> None:
    a = {"x": {"y": [1, 2]}, "z": 1}
    assert list(differing_entries(a, a, "file")) == []
    assert list(differing_entries(a, {"x": {"y": [1, 3]}}, "file")) == [("file x y 1", 2, 3), ("file z", 1, None)]
    assert list(differing_entries({"y": [1]}, {"y": [1, 2]}, "file")) == [("file y", [1], [1, 2])]
