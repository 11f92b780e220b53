# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.utils import DataError
from monai_anomaly.visualize import find_cases, pick_cases
from monai_anomaly.visualize.picking import pick_slices


def test_picked_cases_span_the_lesion_sizes() -> None:
    sizes = np.array([0, 5, 0, 9, 7, 0, 1, 3])
    picked = pick_cases(sizes, sizes > 0, sizes == 0, rows=4)
    shown = sizes[picked]
    assert len(set(picked)) == 4 and shown[0] == 9 and shown[2] == 1 and shown[3] == 0
    assert sorted(pick_cases(sizes, sizes > 0, sizes == 0, rows=100)) == list(range(8))


def test_numbers_without_a_sign_are_sorted_too() -> None:
    sizes = np.array([0, 5, 0, 9, 7, 0], np.uint64)
    assert pick_cases(sizes, sizes > 0, sizes == 0, rows=4) == [3, 4, 1, 0]
    assert pick_slices(sizes, np.ones(6, bool), 2) == [3, 4]


def test_healthy_cases_fill_up() -> None:
    sizes = np.array([0, 5, 0, 9, 7, 0])
    assert pick_cases(sizes, sizes > 0, sizes == 0, rows=3) == [3, 1, 0]
    assert pick_cases(sizes, sizes > 0, sizes == 0, rows=5) == [3, 4, 1, 0, 5]
    assert pick_cases(sizes, sizes > 9, sizes > 9, rows=5) == []


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_highest_slices_in_their_order(rows: int) -> None:
    weight = np.random.default_rng(0).random(30)
    chosen = pick_slices(weight, weight > 0, rows)
    assert chosen == sorted(set(chosen)) and len(chosen) == min(rows, 30) and int(weight.argmax()) in chosen


def test_neighbors_do_not_take_every_row() -> None:
    """A lesion over half of the volume: its slices are shown at a distance."""
    weight = np.where(np.arange(40) < 20, 100 - np.arange(40), 0.0)
    chosen = pick_slices(weight, weight > 0, 4)
    assert len(chosen) == 4 and min(np.diff(chosen)) > 1 and max(chosen) < 20


def test_other_slices_only_where_none_is_eligible() -> None:
    weight = np.arange(6.0)
    assert pick_slices(weight, weight < 2, 4) == [0, 1]
    assert pick_slices(weight, weight > 9, 2) == [4, 5]


def test_cases_are_found_by_name() -> None:
    cases = {"subject": np.array(["a", "a", "b"]), "slice": np.array(["1", "2", "1"])}
    assert find_cases(cases, [("b", 1), ("a", "2")]) == [2, 1]
    with pytest.raises(DataError, match=r"ours: expected the cases .* found no \[\('b', '2'\)\]"):
        find_cases(cases, [("a", 1), ("b", 2)], "ours")
