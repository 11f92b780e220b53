# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.metrics import summed_difference
from monai_anomaly.utils import DataError


@pytest.mark.parametrize("size", [(4,), (4, 6), (4, 6, 3)])
def test_all_channels_and_directions_or_the_weighed_ones(size: tuple[int, ...]) -> None:
    d = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(summed_difference(d)[:, 0], d[:, 0].abs() + d[:, 1].abs() + d[:, 2].abs())
    weighed = summed_difference(d, [1.0, 0.0, -2.0])
    torch.testing.assert_close(weighed[:, 0], (d[:, 0] - 2 * d[:, 2]).clamp(min=0))
    assert weighed.shape == (2, 1, *size) and (weighed == 0).any() and (weighed > 0).any()


def test_other_number_of_channels() -> None:
    with pytest.raises(DataError, match=r"images of 2 channel\(s\), as the map has weights, found 3"):
        summed_difference(torch.zeros(1, 3, 4, 4), [1.0, 1.0])
