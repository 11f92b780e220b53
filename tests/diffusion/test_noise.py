# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_anomaly.diffusion import SeededNoise


def test_number_of_seeds_is_that_of_the_images(images) -> None:
    with pytest.raises(ValueError, match="3 seeds, but a batch of 2"):
        SeededNoise([1, 2, 3])(images[:2])


@pytest.mark.parametrize("seed", [-1, 2**32, 2**32 + 7])
def test_seeds_that_are_another_seed_to_torch_are_refused(seed) -> None:
    """2^32 + 7 gave the noise of 7."""
    with pytest.raises(ValueError, match=f"got {seed}"):
        SeededNoise([0, seed])
