# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_anomaly.utils import DataError
from monai_anomaly.visualize.matched_slices import match_slices, renumbered, shared_slices
from tests.metrics.squares import make_squares


def test_slices_are_matched_by_name() -> None:
    cases = make_squares(n=6)
    methods = {"a": cases, "b": cases.subset([5, 1, 3])}
    assert list(shared_slices(methods)) == [1, 3, 5]
    assert match_slices(methods, [("s3", "0"), ("s5", "0")]) == {"a": [3, 5], "b": [2, 0]}
    with pytest.raises(DataError, match=r"b: .* found no \[\('s0', '0'\)\]"):
        match_slices(methods, [("s0", "0"), ("s1", "0")])
    with pytest.raises(DataError, match="in common, found none"):
        shared_slices({"a": cases.subset([0]), "b": cases.subset([1])})


def test_numbers_are_those_of_the_drawn_set() -> None:
    seen: list[int] = []
    renumbered(lambda axis, index: seen.append(index), [3, 5], [2, 0])(None, 5)
    assert seen == [0]
