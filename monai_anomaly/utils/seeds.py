# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

__all__ = ["hashed_seed"]


def hashed_seed(*numbers: int) -> int:
    """One seed of several numbers that are not negative, e.g. an inferer's seed and the number of a sample.

    Hashed, so that (0, 1) and (1, 0), or sample 1 of seed 0 and sample 0 of seed 1, have nothing in common.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
