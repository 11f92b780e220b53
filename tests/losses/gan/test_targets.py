# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.losses import translation_targets

LABEL = torch.tensor([0, 1, 1, 0, 1])


def test_opposite() -> None:
    rows, target = translation_targets(LABEL, "opposite")
    assert rows.tolist() == [0, 1, 2, 3, 4] and target.tolist() == [1, 0, 0, 1, 0]


def test_random_has_the_classes_of_the_batch() -> None:
    torch.manual_seed(0)
    label = torch.tensor([0, 1, 2, 2, 5])
    drawn = [translation_targets(label, "random") for _ in range(50)]
    assert all(rows.tolist() == [0, 1, 2, 3, 4] and sorted(t.tolist()) == [0, 1, 2, 2, 5] for rows, t in drawn)
    assert len({tuple(t.tolist()) for _, t in drawn}) > 10


@pytest.mark.parametrize(("healthy", "expected"), [(0, [1, 2, 4]), (1, [0, 3])])
def test_healthy_translates_the_diseased_ones(healthy: int, expected: list[int]) -> None:
    rows, target = translation_targets(LABEL, "healthy", healthy)
    assert rows.tolist() == expected and target.tolist() == [healthy] * len(expected) and target.dtype == torch.long


def test_nothing_to_translate() -> None:
    rows, target = translation_targets(torch.zeros(3, dtype=torch.long), "healthy")
    assert rows.shape == target.shape == (0,)


def test_other_word() -> None:
    with pytest.raises(ValueError, match=r"targets must be one of \('opposite', 'random', 'healthy'\), got 'own'"):
        translation_targets(LABEL, "own")
