# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

from monai.utils import ensure_tuple
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from .inception import Concatenation

__all__ = ["FeatureStack"]


class FeatureStack(nn.Sequential):
    """Layers one after another that know which voxel of the input a location of their output looks at.

    Without padding a trunk does not look at the edge, and with strides the last voxels of an axis may belong to no
    location: a map of features spread evenly over the image lies up to tens of voxels beside what it saw. Of a
    `Concatenation` the first branch counts, as its branches must agree; kernels and strides that differ between the
    axes are not known.
    """

    def grid(self, depth: int | None = None) -> tuple[float, int]:
        """Voxel of the center of what the first location sees, and voxels from one location to the next.

        Args:
            depth: of the output of so many layers; None: all.
        """
        first, step = 0.0, 1
        for layer in list(self)[:depth]:
            for module in _one_path(layer):
                if isinstance(module, (_ConvNd, _AvgPoolNd, _MaxPoolNd)):
                    kernel, padding, stride = (
                        int(ensure_tuple(value)[0]) for value in (module.kernel_size, module.padding, module.stride)
                    )
                    first += ((kernel - 1) / 2 - padding) * step
                    step *= stride
        return first, step


def _one_path(module: nn.Module) -> Iterator[nn.Module]:
    """The layers without children that one path through a module meets."""
    children = list(module.children())
    if isinstance(module, Concatenation):
        children = [module.branches[0]]
    if not children:
        yield module
    for child in children:
        yield from _one_path(child)
