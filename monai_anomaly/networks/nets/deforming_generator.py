# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from monai.networks.layers.factories import Pool
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _NormBase

from ..layers import integrate_velocity, warp

__all__ = ["Deformation", "DeformingGenerator"]


class Deformation(NamedTuple):
    """What a `DeformingGenerator` made of images (N, C, ...)."""

    image: torch.Tensor
    """The result (N, C, ...), in -1..1."""
    displacement: torch.Tensor
    """Where each voxel was taken from, in voxels (N, D, ...)."""
    residual: torch.Tensor
    """What was painted (N, C, ...), in -1..1."""


class DeformingGenerator(nn.Module):
    r"""A generator that moves the image before it paints on it: :math:`G(x, c)(p) = x(p + u(p)) + r(p)`.

    The network gives, without an activation, the displacement u in its first D channels and the residual r in the
    others. u is pooled to a coarser grid, smoothed there, bounded by a tanh, and interpolated; r is bounded by a tanh;
    the sum is cut to [-1, 1]. The last convolutions start close to 0, so that the generator is nearly the identity when
    training starts, and what it learns is the change: a disease that displaces tissue needs few words in it, and what
    is not moved keeps every detail. Source: the spatial-intensity transforms of Wang et al. (SIT-GAN, MICCAI 2020),
    whose order is the other one, paint and then move.

    Wraps any network, as `AdditiveGenerator` does: ``DeScarGANGenerator(activation=None)``, where each class has a
    field and a residual of its own, ``StarGANGenerator(activation=None)``, MONAI's ``BasicUNet``.

    Args:
        network: called as ``network(x, target)``, or as ``network(x)`` if not conditional; returns (N, D + C, ...). Its
            output layers are those that its ``output_layers()`` lists, without such a method its last convolution.
        spatial_dims: D, 2 or 3.
        max_displacement: limit of each component of u, as a share of half the image's size in that axis.
        resolution: voxels of the image, in each axis, for one of the field.
        detail: weight of the same channels at twice that resolution, added to the field: the coarse field learns first
            and fast, this one the rest; 0: none.
        mode: of the interpolation of image and field, ``"bilinear"`` (in 3D trilinear) or ``"bicubic"``; None: bicubic
            in 2D, trilinear in 3D, where torch has no smoother one.
        conditional: whether the network is told the target class.
        integration_steps: 0: u is the displacement; more: it is a velocity, which is followed for the time 1 in 2 to
            this power steps, so that the displacement is invertible (see :py:func:`integrate_velocity`).
        start: standard deviation of the network's output when training starts, for features of unit variance: what the
            weights of the output layers are drawn for.

    Raises:
        ValueError: when a number is out of range, or the network does not end with convolutions of more than D
            channels, or normalizes behind them.

    Example::

        network = DeScarGANGenerator(channels=(4, 8), out_channels=3, activation=None)
        generator = DeformingGenerator(network)
        healthy, displacement, residual = generator.deform(torch.rand(2, 1, 16, 16), torch.tensor([0, 0]))
    """

    def __init__(
        self,
        network: nn.Module,
        spatial_dims: int = 2,
        max_displacement: float = 0.2,
        resolution: int = 4,
        detail: float = 0.0,
        mode: str | None = None,
        conditional: bool = True,
        integration_steps: int = 0,
        start: float = 0.01,
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims must be 2 or 3, got {spatial_dims}")
        if mode not in (None, "bilinear", *["bicubic"] * (spatial_dims == 2)):
            raise ValueError(f"mode must be 'bilinear' or, in 2D, 'bicubic', got {mode!r} in {spatial_dims}D")
        if not 0 < max_displacement <= 1:
            raise ValueError(f"max_displacement must be above 0 and at most 1, got {max_displacement}")
        if resolution < 1 or integration_steps < 0:
            raise ValueError(
                f"expected a resolution from 1 and integration_steps from 0, got {resolution} and {integration_steps}"
            )
        if detail < 0 or (detail and resolution == 1):
            raise ValueError(f"expected a detail from 0, and of a resolution from 2, got {detail} of {resolution}")
        self.network = network
        self.spatial_dims = spatial_dims
        self.max_displacement = max_displacement
        self.resolution = resolution
        self.detail = detail
        self.mode = mode or ("bicubic" if spatial_dims == 2 else "bilinear")
        self.conditional = conditional
        self.integration_steps = integration_steps
        self.start = start
        self.pool = Pool[Pool.AVG, spatial_dims](resolution, ceil_mode=True)
        self.fine_pool = Pool[Pool.AVG, spatial_dims](max(1, resolution // 2), ceil_mode=True)
        self.smooth = Pool[Pool.AVG, spatial_dims](3, stride=1)
        for layer in _output_layers(network):
            if layer.out_channels <= spatial_dims:
                raise ValueError(
                    f"expected a network with the image's channels and {spatial_dims} more, found one with "
                    f"{layer.out_channels} in all"
                )
            nn.init.normal_(layer.weight, std=start / math.sqrt(layer.weight[0].numel()))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
        """Images (N, C, ...) as images of the target class, of the same shape; see :py:meth:`deform`."""
        return self.deform(x, target).image

    def deform(self, x: torch.Tensor, target: torch.Tensor | None = None) -> Deformation:
        """Images as images of the target class, and how they became so; in float32, also in mixed precision.

        Args:
            x: (N, C, ...), in -1..1.
            target: class of each (N,); ignored if not conditional.
        """
        out = self.network(x, target) if self.conditional else self.network(x)
        out, x = (v.float() if v.dtype in (torch.float16, torch.bfloat16) else v for v in (out, x))
        displacement = self._field(out[:, : self.spatial_dims])
        residual = out[:, self.spatial_dims :].tanh()
        moved = warp(x, displacement, self.mode)
        return Deformation((moved + residual).clamp(-1, 1), displacement, residual)

    def _field(self, raw: torch.Tensor) -> torch.Tensor:
        """The displacement in voxels of the network's channels (N, D, ...)."""
        size = raw.shape[2:]
        if self.resolution > 1:
            fine = self.detail * self._smoothed(self.fine_pool(raw), size) if self.detail else 0.0
            raw = self._smoothed(self.pool(raw), size) + fine
        share = self.max_displacement * raw.tanh()
        field = torch.stack([share[:, i] * size[i] / 2 for i in range(self.spatial_dims)], dim=1)
        return integrate_velocity(field, self.integration_steps) if self.integration_steps else field

    def _smoothed(self, coarse: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        """A coarse grid (N, D, ...), smoothed and interpolated to the size of the image."""
        padded = F.pad(coarse, [1] * 2 * self.spatial_dims, mode="replicate")
        way = self.mode if self.spatial_dims == 2 else "trilinear"
        return F.interpolate(self.smooth(padded), size=size, mode=way, align_corners=False)


def _output_layers(network: nn.Module) -> list[Any]:
    """The convolutions that a network ends with.

    Raises:
        ValueError: when there is none, or a normalization comes behind, by which an output close to 0 cannot be.
    """
    listed = getattr(network, "output_layers", None)
    if listed is not None:
        return list(listed())
    layers = [m for m in network.modules() if isinstance(m, (nn.modules.conv._ConvNd, _NormBase, nn.GroupNorm))]
    if not layers or not isinstance(layers[-1], nn.modules.conv._ConvNd):
        found = type(layers[-1]).__name__ if layers else "none"
        raise ValueError(f"expected a network whose last layer is a convolution, found {found}")
    return layers[-1:]
