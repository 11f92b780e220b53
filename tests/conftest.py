# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Path of a file of the development folder ``shared``; users do not have it, so the test skips."""
    root = Path(os.environ.get("MONAI_ANOMALY_SHARED", REPOSITORY.parent / "shared"))

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"needs {name} of the development folder 'shared', which is not part of the package")
        return path

    return find


@pytest.fixture(scope="session")
def reference(shared: Callable[[str], Path]) -> Callable[[str], dict[str, torch.Tensor]]:
    """Tensors that the original code wrote, the real ones as float64.

    They carry the rounding of the original's float32, up to 1e-4 where it normalizes by the statistics of a batch. Ours
    adds none of its own in float64, so that the distance is the same on every machine.
    """

    def load(name: str) -> dict[str, torch.Tensor]:
        with np.load(shared(f"reference/{name}.npz")) as file:
            tensors = {key: torch.from_numpy(file[key]) for key in file.files}
        return {key: value.double() if value.is_floating_point() else value for key, value in tensors.items()}

    return load
