# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.utils import atomic_path, atomic_write


@pytest.mark.parametrize(("mode", "content"), [("w", "Fuß"), ("wb", b"\x00\xff")])
def test_writes_into_folders_that_did_not_exist(tmp_path: Path, mode: str, content: Any) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    with atomic_write(path, mode) as f:
        f.write(content)
        assert not path.exists()  # not before it is complete
    assert path.read_bytes() == (content.encode("utf-8") if isinstance(content, str) else content)
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path) as f:
        f.write("new")
        raise error
    with pytest.raises(error), atomic_path(path) as temporary:
        temporary.write_text("new")
        raise error
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_failure_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "file.txt") as f:
        f.write("half")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_temporary_name_has_every_suffix_and_the_same_folder(tmp_path: Path) -> None:
    path = tmp_path / "image.nii.gz"
    with atomic_path(path) as temporary:
        assert temporary.parent == tmp_path and temporary != path and temporary.suffixes[-2:] == [".nii", ".gz"]
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"


def test_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "file.txt"):
        pass
