# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A part of a work that one process of several does, such as a task of an array job."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from .errors import DataError

__all__ = ["in_shard", "shard_ending"]

Item = TypeVar("Item")


def in_shard(items: Sequence[Item], shard: str | None) -> list[Item]:
    """The items of a part: of ``"2/3"`` every third, from the second; all without a part.

    Raises:
        DataError: when it is no ``i/n`` with 1 <= i <= n.
    """
    number, count = _numbers(shard)
    return list(items[number - 1 :: count])


def shard_ending(shard: str | None) -> str:
    """What sets the files of a part apart: ``"_2_of_3"``; "" without a part.

    Raises:
        DataError: see `in_shard`.
    """
    number, count = _numbers(shard)
    return "" if shard is None else f"_{number}_of_{count}"


def _numbers(shard: str | None) -> tuple[int, int]:
    if shard is None:
        return 1, 1
    found = re.fullmatch(r"(\d+)/(\d+)", str(shard))
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise DataError(f"shard must be i/n with i from 1 to n, got {shard!r}")
    return int(found[1]), int(found[2])
