# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from monai_anomaly.benchmarks.counting import CountCalls


def test_samples_are_counted_within_the_block() -> None:
    network = torch.nn.Linear(2, 2)
    with CountCalls(network) as count:
        network(torch.zeros(3, 2))
        network(torch.zeros(4, 2))
    network(torch.zeros(5, 2))
    assert count.samples == 7
