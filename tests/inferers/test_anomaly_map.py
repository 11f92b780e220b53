# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.inferers import AnomalyMap
from monai_anomaly.utils import DataError


def pair(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    return torch.rand(*shape, generator=g), torch.rand(*shape, generator=g)


def test_same_images_give_an_empty_map() -> None:
    x, _ = pair(2, 3, 4, 5)
    assert not AnomalyMap()(x, x).any()


def test_known_value() -> None:
    x = torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)
    assert AnomalyMap(data_range=2.0)(x, torch.tensor([0.5, -0.5]).reshape(1, 2, 1, 1)).item() == 0.5


def test_bytes_are_numbers_without_end() -> None:
    x, reconstruction = (torch.tensor(v, dtype=torch.uint8).reshape(1, 1, 1, 2) for v in ([3, 250], [5, 0]))
    assert AnomalyMap(data_range=1.0)(x, reconstruction).flatten().tolist() == [2, 250]


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 4, 4, 5, 6)])
def test_does_not_depend_on_sign_order_of_channels_or_unit(shape: tuple[int, ...]) -> None:
    x, reconstruction = pair(*shape)
    expected = AnomalyMap(1.0)(x, reconstruction)
    assert expected.shape == (shape[0], 1, *shape[2:])
    torch.testing.assert_close(AnomalyMap(1.0)(reconstruction, x), expected)
    torch.testing.assert_close(AnomalyMap(1.0)(x.flip(1), reconstruction.flip(1)), expected)
    torch.testing.assert_close(AnomalyMap(255.0)(255 * x, 255 * reconstruction), expected)


def test_smoothing_spreads_a_point_and_keeps_its_mass() -> None:
    x = torch.zeros(1, 1, 31, 31)
    x[..., 15, 15] = 1.0
    smooth = AnomalyMap(1.0, smoothing=2.0)(x, torch.zeros_like(x))
    offset = torch.arange(31.0) - 15
    variance = (smooth[0, 0] * offset[:, None] ** 2).sum() / smooth.sum()
    torch.testing.assert_close(smooth.sum(), torch.tensor(1.0), atol=1e-3, rtol=0)
    assert abs(float(variance) ** 0.5 - 2.0) < 0.1
    torch.testing.assert_close(smooth, smooth.transpose(2, 3))


def test_the_border_leaves_out_the_rim_of_the_brain_in_any_dimension() -> None:
    for shape, inside in (((1, 2, 9, 9), 5 * 5), ((1, 2, 9, 9, 9), 5**3)):
        x = torch.full(shape, -1.0)
        x[(..., *[slice(1, 8)] * (len(shape) - 2))] = 0.5
        found = AnomalyMap(2.0, border=1)(x, torch.zeros_like(x))
        assert (found > 0).sum() == inside
        torch.testing.assert_close(found[found > 0], torch.full((inside,), 0.5))


def test_a_dark_hole_in_the_brain_is_no_border() -> None:
    x = torch.zeros(1, 1, 9, 9)  # in [0, 1]
    x[..., 1:8, 1:8] = 0.5
    x[..., 4, 4] = 0.0
    found = AnomalyMap(1.0, border=1, background=0.0)(x, x + 0.25)
    assert (found > 0).sum() == 5 * 5


def test_the_edge_of_the_image_is_no_border() -> None:
    x = torch.full((1, 1, 4, 4), 0.5)
    assert (AnomalyMap(2.0, border=2)(x, -x) > 0).all()


def test_weights_say_on_which_channels_and_in_which_direction_an_anomaly_is() -> None:
    x = torch.tensor([[0.5, 0.25], [0.5, -0.25], [-0.5, 0.25]]).reshape(3, 2, 1, 1)
    both, first, darker = (AnomalyMap(1.0, weights=w)(x, 0 * x) for w in ((1, 1), (1, 0), (1, -2)))
    assert both.flatten().tolist() == [0.75, 0.25, 0.0]
    assert first.flatten().tolist() == [0.5, 0.5, 0.0]
    assert darker.flatten().tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_real_type_has_a_border(dtype: torch.dtype) -> None:
    x, y = torch.rand(2, 1, 2, 8, 8).round(decimals=1).to(dtype)
    found = AnomalyMap(border=1)(x, y)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), AnomalyMap(border=1)(x.float(), y.float()), atol=0.01, rtol=0)


def test_weights_need_a_channel_each_and_one_that_counts() -> None:
    with pytest.raises(DataError, match=r"images of 3 channel\(s\), as the map has weights, found 2"):
        AnomalyMap(weights=[1, 0, 0])(*pair(1, 2, 4, 4))
    with pytest.raises(ValueError, match="a weight other than 0"):
        AnomalyMap(weights=[0.0, 0.0])
