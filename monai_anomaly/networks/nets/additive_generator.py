# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch import nn

__all__ = ["AdditiveGenerator"]


class AdditiveGenerator(nn.Module):
    r"""A generator whose network predicts what changes: :math:`G(x, c) = \tanh(x + M(x, c))`.

    Around a conditional network, e.g. ``StarGANGenerator(activation=None)``, that of Fixed-Point GAN (Siddiquee et al.,
    https://arxiv.org/abs/1908.06965, ``solver.py``); around an unconditional one, e.g. MONAI's ``BasicUNet``, that of
    VAGAN (Baumgartner et al., https://arxiv.org/abs/1711.08998), which translates to healthy only. In VAGAN's code the
    tanh is an option (``use_tanh``), on for its synthetic images.

    With tanh an empty map is **not** the identity: it moves 1 to 0.76, and no finite map leaves -1 or 1 where they are.

    Args:
        network: called as ``network(x, target)``, or as ``network(x)`` if not conditional; returns (N, C, ...).
        tanh: keep the result within -1 and 1.
        conditional: whether the network is told the target class.

    Example::

        generator = AdditiveGenerator(StarGANGenerator(channels=4, num_blocks=1, activation=None), tanh=False)
        image = generator(torch.rand(2, 1, 16, 16), torch.tensor([0, 1]))
    """

    def __init__(self, network: nn.Module, tanh: bool = True, conditional: bool = True) -> None:
        super().__init__()
        self.network = network
        self.tanh = tanh
        self.conditional = conditional

    def forward(self, x: torch.Tensor, target: torch.Tensor | None = None) -> torch.Tensor:
        """Images (N, C, ...) as images of the target class, of the same shape.

        Args:
            x: (N, C, ...), in -1..1 with tanh.
            target: class of each (N,); ignored if not conditional.
        """
        moved = x + (self.network(x, target) if self.conditional else self.network(x))
        return moved.tanh() if self.tanh else moved
