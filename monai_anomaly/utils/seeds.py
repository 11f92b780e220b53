# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

__all__ = ["hashed_seed"]


def hashed_seed(*numbers: int) -> int:
    """One seed of several numbers that are not negative, e.g. an inferer's seed and the number of a sample.

    Hashed, so that (0, 1) and (1, 0), or sample 1 of seed 0 and sample 0 of seed 1, have nothing in common. The count
    is part of it, for NumPy takes (0, 1) and (0, 1, 0) for the same.
    """
    return int(np.random.SeedSequence((len(numbers), *numbers)).generate_state(1)[0])
