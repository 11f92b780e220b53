# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

import torch

from .errors import OutputError

__all__ = ["atomic_path", "atomic_torch_save", "atomic_write", "check_writable"]

_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG)
"""What a system says of a file that is written, perhaps without its name."""


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that is renamed to ``path`` when the block succeeds.

    A reader never sees half a file: on an error or a kill the temporary file is left out and ``path`` stays as it was.
    The temporary name keeps every suffix, so that writers which look at the extension (NIfTI, NumPy) are content.

    Args:
        path: the file to write; missing parent folders are made.

    Raises:
        OutputError: when the system does not let it be written (a full disk, a read-only folder).
    """
    path = Path(path)
    tmp = path.with_name(f".tmp{os.getpid()}_{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield tmp
        os.replace(tmp, path)
    except OSError as error:
        if isinstance(error, OutputError) or not _is_about(error, path, tmp):
            raise  # of something that the block reads: a damaged file, a network
        raise _output_error(path, error) from error
    finally:
        with suppress(OSError):
            tmp.unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str | os.PathLike, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file for writing that appears under its name only when it is complete.

    Args:
        path: the file to write.
        mode: ``"w"`` (text, UTF-8) or ``"wb"``.

    Raises:
        OutputError: see `atomic_path`.
    """
    with atomic_path(path) as tmp, open(tmp, mode, encoding=None if "b" in mode else "utf-8") as f:
        yield f
        f.flush()
        os.fsync(f.fileno())


def atomic_torch_save(path: str | os.PathLike, content: Any) -> None:
    """``torch.save`` to a file that appears under its name only when it is complete.

    Args:
        path: the file to write.
        content: state dicts, tensors, numbers.

    Raises:
        OutputError: see `atomic_path`.
    """
    with atomic_write(path, "wb") as f:
        writer = _Writer(f)
        try:
            torch.save(content, cast(IO[bytes], writer))
        except RuntimeError as error:
            if writer.error is None:
                raise
            raise writer.error from error


def check_writable(folder: str | os.PathLike) -> None:
    """Find out before a long work whether its results can be written; nothing is left behind, the folder is not made.

    Args:
        folder: for the results, there or not.

    Raises:
        OutputError: when no file can be written there.
    """
    folder = Path(os.path.abspath(folder))
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise _output_error(folder, error) from error


class _Writer:
    """Remember the system's error: torch calls a full disk "unexpected pos"."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.flush = file.flush
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise


def _is_about(error: OSError, path: Path, tmp: Path) -> bool:
    if error.filename is None:  # a full disk names no file
        return error.errno in _WRITING
    found = Path(os.fsdecode(error.filename))
    return found in (path, tmp, *tmp.parents)


def _output_error(path: Path, error: OSError) -> OutputError:
    return OutputError(error.errno, f"{path}: could not be written: {error.strerror or error}")
