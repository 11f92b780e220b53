# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Tensors that the original code produced, see README.md beside this file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

STEP, LOOP, TABLE = 5e-6, 5e-5, 1e-12  # tolerances: one step, a loop of steps (both in float32), float64 tables


def load_reference(name: str) -> dict[str, torch.Tensor]:
    """The arrays of the file whose name begins with this number."""
    (path,) = Path(__file__).parent.glob(f"{name}_*.npz")
    with np.load(path) as data:
        return {k: torch.from_numpy(data[k]) for k in data.files}
