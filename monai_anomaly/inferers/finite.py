# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""NaN and infinity must not end as "healthy": no threshold, clamp or comparison may swallow a NaN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from ..utils import DataError, listed

__all__ = ["SliceNames", "broken_inputs", "broken_results", "nan_where_infinite", "unhidden", "working_type"]


def nan_where_infinite(x: torch.Tensor) -> torch.Tensor:
    """The same numbers, with NaN in place of infinity: a clamp or a sigmoid makes a number of infinity, not of NaN."""
    return torch.where(x.isfinite(), x, torch.nan)


def unhidden(network: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """A network whose infinite outputs are NaN, see `nan_where_infinite`."""
    return lambda *args, **kwargs: nan_where_infinite(network(*args, **kwargs))


def working_type(x: torch.Tensor, network: Any) -> torch.dtype:
    """The floating type to work in: that of the network's weights, else float64 for float64 images and float32 for all
    others, whole numbers too.

    Raises:
        DataError: when the images are complex.
    """
    if x.is_complex():
        raise DataError(f"expected images of real numbers, found {str(x.dtype).removeprefix('torch.')}")
    weights = network.parameters() if isinstance(network, nn.Module) else ()
    own = next((w.dtype for w in weights if w.is_floating_point()), None)
    return own or (torch.float64 if x.dtype == torch.float64 else torch.float32)


class SliceNames:
    """What messages call the slices of a call.

    Args:
        inputs: of the call, (N, ...); a MetaTensor may know its file.
        depth: slices of each volume; None: the inputs are single slices.
    """

    def __init__(self, inputs: torch.Tensor, depth: int | None = None) -> None:
        files = getattr(inputs, "meta", {}).get("filename_or_obj", "")
        self.files = [files] * len(inputs) if isinstance(files, str) else list(files)
        self.depth = depth

    def __call__(self, index: int) -> str:
        image, number = (index, None) if self.depth is None else divmod(index, self.depth)
        name = f"image {image}" if number is None else f"slice {number} of volume {image}"
        known = image < len(self.files) and self.files[image]
        return f"{name} ({self.files[image]})" if known else name

    def listed(self, indices: Sequence[int]) -> str:
        """Some slices in words."""
        return listed(self(i) for i in indices)


def broken_inputs(x: torch.Tensor, bad: torch.Tensor, names: SliceNames) -> DataError:
    """The error about slices (M, C, H, W) some of which, ``bad`` (M), are not finite."""
    indices = torch.nonzero(bad)[:, 0]
    count = int((~x[indices].isfinite()).sum())
    return DataError(
        f"expected images of finite values, found {count} that are NaN or infinite in {names.listed(indices.tolist())}"
    )


def broken_results(indices: Sequence[int], names: SliceNames) -> DataError:
    """The error about slices whose results are not finite."""
    return DataError(
        f"expected finite results, found NaN or infinity in those of {names.listed(indices)}: the weights are broken, "
        "or mixed precision overflows (then set autocast to float32)"
    )
