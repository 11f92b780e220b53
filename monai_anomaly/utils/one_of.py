# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

__all__ = ["one_of"]

T = TypeVar("T")


def one_of(name: str, value: T, options: Iterable[object]) -> T:
    """The value of an argument, if it is one of its options.

    Args:
        name: of the argument, for the message.
        value: what was given.
        options: what may be given.

    Raises:
        ValueError: when it is another.
    """
    known = tuple(options)
    if value not in known:
        raise ValueError(f"{name} must be one of {known}, got {value!r}")
    return value
