# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from monai_anomaly.visualize.orientation import turn_slice, turn_upright

AFFINE = np.array([[0.0, -3, 0, 5], [-2, 0, 0, -7], [0, 0, 4, 11], [0, 0, 0, 1]])
"""The first axis grows to the back, the second to the left."""


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 5)])
def test_upright_is_right_then_anterior(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random(shape)
    np.testing.assert_array_equal(turn_upright(image, AFFINE), image.swapaxes(0, 1)[::-1, ::-1])


def test_slices_stand_upright_or_hang() -> None:
    image = np.arange(6).reshape(3, 2)  # x grows by 2, y by 1
    assert turn_slice(image, True).tolist() == [[1, 3, 5], [0, 2, 4]]
    assert turn_slice(image, False).tolist() == [[0, 2, 4], [1, 3, 5]]
