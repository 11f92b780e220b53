# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.modules.loss import _Loss

__all__ = ["GradientPenalty"]


class GradientPenalty(_Loss):
    r"""Penalty on a critic whose slope is not 1 between real and artificial images,
    :math:`E[(\|\nabla D(\hat x)\|_2 - 1)^2]` with :math:`\hat x = t r + (1 - t) a`, t uniform in [0, 1] (thesis ch. 6,
    eq. 1).

    Source: Gulrajani et al. (https://arxiv.org/abs/1704.00028), eq. 3. Computed in float32, also in mixed precision.

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
        if output not in ("mean", "sum"):
            raise ValueError(f"output must be 'mean' or 'sum', got {output!r}")
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
        with torch.autocast(real.device.type, enabled=False):
            x = (t * real.float() + (1 - t) * fake.float()).detach().requires_grad_()
            judged = critic(x)[:, None].flatten(1)  # also of one value per image
            value = judged.mean(1) if self.output == "mean" else judged.sum(1)
            (slope,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        # the small number keeps the root differentiable where the critic is flat
        norm = (slope.flatten(1).square().sum(1) + 1e-12).sqrt()
        return ((norm - 1) ** 2).mean()
