# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from monai_anomaly.utils import binary_entropy


def test_certainty_has_none_and_even_odds_have_one_bit() -> None:
    assert binary_entropy(torch.tensor([0.0, 0.5, 1.0])).tolist() == [0.0, 1.0, 0.0]


def test_yes_and_no_are_alike() -> None:
    p = torch.linspace(0, 1, 11, dtype=torch.float64)
    torch.testing.assert_close(binary_entropy(p), binary_entropy(1 - p))
    assert torch.equal(binary_entropy(p).argsort()[-1:], torch.tensor([5]))
