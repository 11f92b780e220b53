# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The same slices in the sets of several methods, whatever their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..metrics.slice_cases import SliceCases
from ..utils import DataError
from .slice_grid import DrawCell

__all__ = ["match_slices", "renumbered", "shared_slices"]


def shared_slices(methods: Mapping[str, SliceCases]) -> np.ndarray:
    """Numbers, in the first set, of the slices that all sets have.

    Raises:
        DataError: when there is none.
    """
    known = [set(cases.slice_keys) for cases in methods.values()]
    first = next(iter(methods.values()))
    shared = np.flatnonzero([all(key in keys for keys in known) for key in first.slice_keys])
    if not len(shared):
        raise DataError(f"Expected slices that {list(methods)} have in common, found none.")
    return shared


def match_slices(methods: Mapping[str, SliceCases], wanted: Sequence[tuple[str, str]]) -> dict[str, list[int]]:
    """Numbers of some slices in the set of every method.

    Args:
        methods: name -> slices.
        wanted: subject and slice of each.

    Raises:
        DataError: when a method lacks one; it names both.
    """
    numbers = {}
    for name, cases in methods.items():
        index = {key: i for i, key in enumerate(cases.slice_keys)}
        if missing := [key for key in wanted if key not in index]:
            raise DataError(f"{name}: expected the slices {list(wanted)}, found no {missing}.")
        numbers[name] = [index[key] for key in wanted]
    return numbers


def renumbered(draw: DrawCell, counted: Sequence[int], own: Sequence[int]) -> DrawCell:
    """Draw slice ``own[i]`` where a grid, which counts as the first method does, asks for ``counted[i]``."""
    numbers = dict(zip(counted, own, strict=True))
    return lambda axis, index: draw(axis, numbers[index])
