# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from ..diffusion import NoiseSchedule, NoisyImages, Parametrization, Prediction, reverse_moments
from ..utils import one_of
from .likelihood import discretized_gaussian_log_likelihood, gaussian_kl

__all__ = ["HybridDiffusionLoss"]


class HybridDiffusionLoss(_Loss):
    r"""L_hybrid = L_simple + L_vlb (Nichol & Dhariwal, arXiv:2102.09672, eq. 16), the thesis' objective in ch. 5, 7
    and 8.

    L_simple is the mean squared error of what the network predicts. L_vlb, one term of the variational bound in bits
    per dimension, trains the variance only: the prediction is detached in it. One random term times T estimates L_vlb;
    the paper's 0.001 cancels T = 1000, so the weight is 1, as in the code the thesis used. A network with as many
    output channels as image channels learns no variance: the loss is then L_simple.

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        vlb_weight: factor of L_vlb; of no effect without a learned variance.
        prediction: what the network predicts, see `Parametrization`.
        reduction: ``"mean"``, or ``"none"`` for the loss of each sample (N,).

    Raises:
        ValueError: when ``prediction`` or ``reduction`` is unknown.

    Example::

        noisy = RandomNoising(NoiseSchedule())(torch.rand(4, 1, 8, 8), max_level=1000, generator=None)
        output = torch.zeros(4, 2, 8, 8, requires_grad=True)  # of the network: noise and variance
        HybridDiffusionLoss()(output, noisy).backward()
    """

    def __init__(
        self,
        schedule: NoiseSchedule | None = None,
        vlb_weight: float = 1.0,
        prediction: str = "epsilon",
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        one_of("reduction", reduction, ("mean", "none"))
        self.reduction = reduction
        self.schedule = schedule or NoiseSchedule()
        self.vlb_weight = vlb_weight
        self.parametrization = Parametrization(self.schedule, prediction)

    def forward(self, pred: torch.Tensor, target: NoisyImages) -> torch.Tensor:
        """The loss, a scalar, or (N,) with ``reduction="none"``.

        Args:
            pred: the network's output, (N, C, ...) or (N, 2C, ...) with the variance.
            target: images (N, C, ...) at integer levels in 1..T.

        Raises:
            ValueError: when the output has neither C nor 2 C channels.
        """
        x, level = target.x, target.level
        channels, output = x.shape[1], pred.to(x.dtype)
        if output.shape[1] not in (channels, 2 * channels):
            raise ValueError(f"expected {channels} or, with a variance, {2 * channels} channels, got {output.shape[1]}")
        predicted = output[:, :channels]
        wanted = self.parametrization.target(target.x0, target.noise, level)
        loss = F.mse_loss(predicted, wanted, reduction="none").flatten(1).mean(1)
        if output.shape[1] == 2 * channels:
            read = self.parametrization.read(x, predicted.detach(), level)
            loss = loss + self.vlb_weight * self.bound(Prediction(*read, variance=output[:, channels:]), target)
        return loss.mean() if self.reduction == "mean" else loss

    def bound(self, prediction: Prediction, target: NoisyImages) -> torch.Tensor:
        """One term of the variational bound for each sample, in bits per dimension, (N,)."""
        x, level = target.x, target.level
        true = reverse_moments(self.schedule, x, Prediction(target.noise, target.x0), level, level - 1)
        mean, log_variance = reverse_moments(self.schedule, x, prediction, level, level - 1)
        kl = gaussian_kl(*true, mean, log_variance)
        nll = -discretized_gaussian_log_likelihood(target.x0, mean, 0.5 * log_variance)
        first = (level == 1).reshape(-1, *[1] * (x.ndim - 1))
        return torch.where(first, nll, kl).flatten(1).mean(1) / math.log(2)
