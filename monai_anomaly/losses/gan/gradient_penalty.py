# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.modules.loss import _Loss

from ...utils import one_of

__all__ = ["GradientPenalty", "ZeroCenteredPenalty"]


class GradientPenalty(_Loss):
    r"""Penalty on a critic whose slope is not 1 between real and artificial images,
    :math:`E[(\|\nabla D(\hat x)\|_2 - 1)^2]` with :math:`\hat x = t r + (1 - t) a`, t uniform in [0, 1] (thesis ch. 6,
    eq. 1).

    Source: Gulrajani et al. (https://arxiv.org/abs/1704.00028), eq. 3. Computed in float32 or float64, also in
    mixed precision.

    Args:
        output: what D is where the critic returns a map: its ``"mean"``, which is what the Wasserstein loss takes, or
            its ``"sum"``, as in the published code of StarGAN and DeScarGAN. That code thus penalizes a slope as many
            times larger as the map has entries.

    Raises:
        ValueError: when ``output`` is unknown.

    Example::

        real, fake = torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)
        penalty = GradientPenalty()(lambda x: x.flatten(1).sum(1), real, fake)  # its slope is 8, the root of 64 pixels
        torch.testing.assert_close(penalty, torch.tensor(49.0))
    """

    def __init__(self, output: str = "mean") -> None:
        super().__init__()
        one_of("output", output, ("mean", "sum"))
        self.output = output

    def forward(
        self, critic: Callable[[torch.Tensor], torch.Tensor], real: torch.Tensor, fake: torch.Tensor
    ) -> torch.Tensor:
        """The penalty, a scalar that can be differentiated by the critic's parameters.

        Args:
            critic: images (N, C, ...) -> values (N, ...), also (N,).
            real: real images (N, C, ...).
            fake: artificial images, as many; without any the penalty is 0.
        """
        if not len(real):  # instance normalization cannot take nothing
            return real.new_zeros((), dtype=torch.float32)
        t = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
        real, fake = _exact(real), _exact(fake)
        # the small number keeps the root differentiable where the critic is flat
        norm = (squared_slope(critic, t * real + (1 - t) * fake, self.output) + 1e-12).sqrt()
        return ((norm - 1) ** 2).mean()


class ZeroCenteredPenalty(GradientPenalty):
    r"""Penalty on a critic that is steep at the images it judges, R1 and R2,
    :math:`\tfrac{1}{2} (E\|\nabla D(r)\|_2^2 + E\|\nabla D(a)\|_2^2)`.

    With it a GAN converges where real and artificial images are alike, which `GradientPenalty` does not promise.
    Source: Mescheder et al. (https://arxiv.org/abs/1801.04406), eq. 9; Huang et al. (R3GAN,
    https://arxiv.org/abs/2501.05441), eq. 5. Computed in float32 or float64, also in mixed precision.

    Args:
        output: see `GradientPenalty`.

    Raises:
        ValueError: when ``output`` is unknown.

    Example::

        real, fake = torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)
        penalty = ZeroCenteredPenalty()(lambda x: x.flatten(1).sum(1), real, fake)  # a slope of 8 at either
        torch.testing.assert_close(penalty, torch.tensor(64.0))
    """

    def forward(
        self, critic: Callable[[torch.Tensor], torch.Tensor], real: torch.Tensor, fake: torch.Tensor
    ) -> torch.Tensor:
        """The penalty, a scalar that can be differentiated by the critic's parameters; see `GradientPenalty`."""
        if not len(real):
            return real.new_zeros((), dtype=torch.float32)
        slopes = [squared_slope(critic, _exact(images), self.output).mean() for images in (real, fake)]
        return torch.stack(slopes).mean()


def squared_slope(critic: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, output: str) -> torch.Tensor:
    """Squared norm (N,) of the critic's gradient at each of the images x (N, C, ...), of the type of its weights;
    by which the critic learns."""
    with torch.autocast(x.device.type, enabled=False):
        x = x.detach().requires_grad_()
        judged = critic(x)[:, None].flatten(1)  # also of one value per image
        value = judged.mean(1) if output == "mean" else judged.sum(1)
        (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    return slope.flatten(1).square().sum(1)


def _exact(images: torch.Tensor) -> torch.Tensor:
    """Out of half precision."""
    return images.to(torch.promote_types(images.dtype, torch.float32))
