# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import gzip
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.utils import (
    DataError,
    OutputError,
    atomic_path,
    atomic_torch_save,
    atomic_write,
    check_writable,
    describe,
)

WRITERS = {
    "torch": "atomic_torch_save(path, {'a': torch.rand(100000)})",
    "NIfTI": "write_nifti(path, np.random.rand(40, 40, 40), np.eye(4))",
    "text": "with atomic_write(path) as f: f.write('x' * 100000)",
}
FULL = """
import resource, sys, numpy as np, torch
from monai_anomaly.utils import OutputError, atomic_torch_save, atomic_write, write_nifti
path = sys.argv[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    WRITE
except OutputError as error:
    print(error)
"""


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
    assert path.read_text(encoding="utf-8") == "old"
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
    with pytest.raises(OutputError, match="No such file"), atomic_path(tmp_path / "file.txt"):
        pass


@pytest.mark.parametrize("writer", WRITERS)
def test_what_the_system_refuses_is_one_line_and_the_old_file_stays(tmp_path: Path, writer: str) -> None:
    """A limit on the size of files fails as a full disk does: in the middle of writing."""
    path = tmp_path / "old.nii.gz"
    path.write_text("old")
    program = FULL.replace("WRITE", WRITERS[writer])
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == (f"{path}: could not be written: File too large\n", 0), done.stderr
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_of_which_a_file_lies(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "new" / "out.txt"
    for attempt in (lambda: atomic_write(path).__enter__(), lambda: check_writable(path.parent)):
        with pytest.raises(OutputError, match=r"could not be written: (Not a directory|File exists)"):
            attempt()
    check_writable(tmp_path / "new" / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_error_of_a_file_that_is_read_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "out.txt"):
        (tmp_path / "missing.txt").read_text(encoding="utf-8")
    (tmp_path / "damaged.gz").write_bytes(b"no gzip at all")
    with pytest.raises(gzip.BadGzipFile), atomic_path(tmp_path / "out.txt"), gzip.open(tmp_path / "damaged.gz") as f:
        f.read()
    with pytest.raises(TimeoutError), atomic_path(tmp_path / "out.txt"):
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")


def test_a_folder_under_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "out.txt").mkdir()
    refused = pytest.raises(OutputError, match=r"out\.txt: could not be written: Is a directory")
    with refused, atomic_write(tmp_path / "out.txt") as f:
        f.write("x")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DataError("a.nii: expected b, found c"), "a.nii: expected b, found c"),
        (OutputError(errno.ENOSPC, "a.nii: could not be written"), "a.nii: could not be written"),
        (TypeError("no\n number"), "TypeError: no number"),
    ],
)
def test_errors_in_one_line(error: Exception, line: str) -> None:
    wrapped = RuntimeError("applying transform")
    wrapped.__cause__ = error
    assert describe(error) == describe(wrapped) == line


def test_tensors_are_written_without_a_copy_in_memory(tmp_path: Path) -> None:
    content = {"a": torch.rand(2_000_000)}
    tracemalloc.start()
    atomic_torch_save(tmp_path / "a.pt", content)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4_000_000
    assert torch.equal(torch.load(tmp_path / "a.pt", weights_only=True)["a"], content["a"])
