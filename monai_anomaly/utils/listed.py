# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable

__all__ = ["listed"]


def listed(items: Iterable[object], most: int = 5) -> str:
    """The first few of many in words: ``a, b, and 3 more``.

    Args:
        items: what is listed, as text.
        most: how many are named.
    """
    names = [str(item) for item in items]
    return ", ".join([*names[:most], *([f"and {len(names) - most} more"] if len(names) > most else [])])
