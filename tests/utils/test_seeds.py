# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest

from monai_anomaly.utils import hashed_seed


def test_every_tuple_has_its_own_seed() -> None:
    seeds = [hashed_seed(*numbers) for numbers in itertools.product(range(4), range(5), range(6))]
    assert len(set(seeds)) == 120
    assert hashed_seed(1, 2) == hashed_seed(1, 2) != hashed_seed(2, 1)


def test_tuples_of_different_lengths() -> None:
    assert len({hashed_seed(0, 1), hashed_seed(0, 1, 0), hashed_seed(1), hashed_seed(2**32)}) == 4


def test_refuses_negative_numbers() -> None:
    with pytest.raises(ValueError):
        hashed_seed(-1, 0)
