# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from .tiny_guided import TinyNet


@pytest.fixture
def network() -> TinyNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TinyNet().eval()
