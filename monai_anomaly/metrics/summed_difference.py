# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import torch

from ..utils import DataError

__all__ = ["summed_difference"]


def summed_difference(difference: torch.Tensor, weights: Sequence[float] | None = None) -> torch.Tensor:
    r"""One number, not negative, for what the channels of a pixel differ by: :math:`\sum_c |d_c|` (thesis ch. 7), or
    with weights :math:`\max(0, \sum_c w_c d_c)`.

    Args:
        difference: image minus reconstruction (N, C, ...).
        weights: w, one for each channel; None: the absolute sum.

    Returns:
        (N, 1, ...).

    Raises:
        DataError: when there are not as many weights as channels.

    Example::

        assert summed_difference(torch.tensor([[[0.5], [-1.0]]])).item() == 1.5
        assert summed_difference(torch.tensor([[[0.5], [-1.0]]]), [1.0, 0.0]).item() == 0.5
    """
    if weights is None:
        return difference.abs().sum(1, keepdim=True)
    if len(weights) != difference.shape[1]:
        raise DataError(
            f"expected images of {len(weights)} channel(s), as the map has weights, found {difference.shape[1]}"
        )
    w = torch.tensor([*weights]).to(difference).reshape(1, -1, *[1] * (difference.ndim - 2))
    return (w * difference).sum(1, keepdim=True).clamp(min=0)
