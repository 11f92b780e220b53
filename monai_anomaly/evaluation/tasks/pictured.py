# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What the pictures of a task show: which channel, and which cases of several methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...visualize import find_cases
from ..cases import Cases

__all__ = ["pictured_cases", "shown_channel"]


def shown_channel(settings: Mapping[str, Any]) -> int:
    """Index of the image channel of the pictures: that of ``show`` among ``channel_names``, else the last one."""
    names = list(settings["channel_names"])
    return names.index(settings["show"]) if settings["show"] in names else len(names) - 1


def pictured_cases(
    methods: Mapping[str, Callable[[], Cases]],
    keys: Sequence[tuple[str, str]] | None,
    pick: Callable[[Cases], Sequence[int]],
    needs: str | None = None,
) -> dict[str, Cases]:
    """The same few cases of several methods; one method's cases are in memory at a time.

    Args:
        methods: name -> what reads its cases.
        keys: subject and slice of each; None: the first method's, by ``pick``.
        pick: cases -> numbers of those to draw.
        needs: field without which a method is passed over.

    Raises:
        DataError: when a method lacks a case.
    """
    few: dict[str, Cases] = {}
    for name, read in methods.items():
        cases = read()
        if needs is not None and not cases.has(needs):
            continue
        if keys is None:
            keys = [cases.keys[i] for i in pick(cases)]
        few[name] = cases.subset(find_cases(cases, keys, name))
    return few
