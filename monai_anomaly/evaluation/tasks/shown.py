# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...utils import DataError
from ...visualize import find_cases
from ..cases import Cases

__all__ = ["same_cases", "shared_keys"]


def shared_keys(methods: Mapping[str, Cases]) -> list[tuple[str, str]]:
    """Subject and slice of the cases that all methods have, in the order of the first.

    Raises:
        DataError: when there are none.
    """
    first, *others = (cases.keys for cases in methods.values())
    everywhere = set(first).intersection(*others)
    if not everywhere:
        raise DataError(f"expected methods with cases in common, found none among {list(methods)}")
    return [key for key in first if key in everywhere]


def same_cases(methods: Mapping[str, Cases], keys: Sequence[tuple[str, str]]) -> dict[str, Cases]:
    """The cases of some keys of every method, in their order.

    Raises:
        DataError: when a method lacks one.
    """
    return {name: cases.subset(find_cases(cases, keys, name)) for name, cases in methods.items()}
