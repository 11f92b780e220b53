# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_anomaly.utils import in_shard, shard_ending


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_parts_share_all_items_and_differ_by_one_at_most(count: int) -> None:
    items = list(range(5))
    parts = [in_shard(items, f"{i}/{count}") for i in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == items and max(map(len, parts)) - min(map(len, parts)) <= 1


def test_without_a_part_all_is_done() -> None:
    assert in_shard("abc", None) == list("abc") and shard_ending(None) == "" and shard_ending("2/3") == "_2_of_3"


@pytest.mark.parametrize("shard", ["0/2", "3/2", "half", "1/0", 2, "1/2/3"])
def test_what_is_no_part_is_named(shard: str) -> None:
    with pytest.raises(ValueError, match=r"shard must be i/n with i from 1 to n, got"):
        in_shard([1], shard)
    with pytest.raises(ValueError, match="shard must be i/n"):
        shard_ending(shard)
