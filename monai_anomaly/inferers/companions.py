# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from ..utils import DataError

__all__ = ["Companions"]


class Companions:
    """Tensors that come with the images of a call, cut into slices as `SlicewiseInferer` cuts the images.

    Args:
        inputs: of the call, images (N, C, H, W) or volumes (N, C, X, Y, Z).
        slice_axis: spatial axis along which volumes are cut.
        given: tensors by the name that messages call them: numbers (N,), (N, 1) or () for all; of volumes also one for
            each of the D slices (N, D); of images any (N, ...). What has as many axes as the inputs lies on their grid:
            (N, K, H, W) or (N, K, X, Y, Z).

    Raises:
        DataError: when one has another size.
    """

    def __init__(self, inputs: torch.Tensor, slice_axis: int, given: Mapping[str, Any]) -> None:
        self._inputs, self._axis = inputs, slice_axis
        self._slices = {name: self._cut(name, convert_to_tensor(v, track_meta=False)) for name, v in given.items()}

    def take(self, index: Sequence[int], x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Those of some slices of the call, (n, ...), on the device of the slices x (n, C, H, W); where they lie on
        their grid, padded with 0 to their size, as the slices are padded to the right and below."""
        taken = {name: values[list(index)].to(x.device) for name, values in self._slices.items()}
        return {name: self._pad(values, x) if values.ndim == x.ndim else values for name, values in taken.items()}

    @staticmethod
    def _pad(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        height, width = values.shape[2:]
        return F.pad(values, (0, x.shape[3] - width, 0, x.shape[2] - height))

    def _cut(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """(M, ...), of each slice of the call."""
        count, grid = len(self._inputs), self._inputs.shape[2:]
        depth = grid[self._axis] if self._inputs.ndim == 5 else None
        if values.ndim == self._inputs.ndim:
            self._expect(values.shape[2:] == grid and len(values) == count, name, values)
            return values if depth is None else values.movedim(self._axis + 2, 1).flatten(0, 1)
        if values.ndim == 0:
            values = values.expand(count)
        self._expect(len(values) == count, name, values)
        if values.shape[1:] == (1,):
            values = values[:, 0]
        if depth is None:
            return values
        if values.ndim == 1:
            values = values[:, None].expand(count, depth)
        self._expect(values.shape == (count, depth), name, values)
        return values.flatten()

    def _expect(self, fits: bool, name: str, values: torch.Tensor) -> None:
        if not fits:
            volumes = self._inputs.ndim == 5
            what = "volumes, a number for each of them or of their slices" if volumes else "images, one for each"
            raise DataError(
                f"expected the {name} to fit {what}, or a mask on their grid, found the shape {tuple(values.shape)} "
                f"for inputs of {tuple(self._inputs.shape)}"
            )
