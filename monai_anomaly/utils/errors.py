# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
from collections.abc import Iterator

__all__ = ["DataError", "OutputError", "describe", "known_cause"]


class DataError(ValueError):
    """Input that cannot be used; the message names the file, what was expected and what was found."""


class OutputError(OSError):
    """A file that cannot be written; the message names it and gives the system's words."""

    def __str__(self) -> str:
        return str(self.strerror)

    @property
    def is_final(self) -> bool:
        """Whether no other file can be written either: a full disk, a used-up quota, a read-only file system."""
        return self.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def known_cause(error: BaseException) -> DataError | OutputError | None:
    """The error behind an error, e.g. one that MONAI wrapped, whose message says all a user needs."""
    return next((e for e in _causes(error) if isinstance(e, (DataError, OutputError))), None)


def describe(error: BaseException) -> str:
    """An error in one line: the message of a known cause; of any other, which may be a fault of the program, its kind
    too."""
    if (known := known_cause(error)) is not None:
        return str(known)
    *_, first = _causes(error)
    return f"{type(first).__name__}: {' '.join(str(first).split())}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
