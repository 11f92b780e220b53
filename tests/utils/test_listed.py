# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_anomaly.utils import listed


def test_no_item_is_lost_without_a_word() -> None:
    assert listed([]) == "" and listed("abc") == "a, b, c"
    assert listed((i for i in range(9)), 7) == "0, 1, 2, 3, 4, 5, 6, and 2 more"
    assert listed("abc", 3) == "a, b, c"
