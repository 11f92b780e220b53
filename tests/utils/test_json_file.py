# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.utils import DataError, read_json


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
