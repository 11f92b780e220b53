# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from ..diffusion import NoiseSchedule, Parametrization
from ..diffusion.schedule import coefficient

__all__ = ["HybridDiffusionLoss", "discretized_gaussian_log_likelihood", "gaussian_kl"]


def gaussian_kl(
    mean_p: torch.Tensor, log_var_p: torch.Tensor, mean_q: torch.Tensor, log_var_q: torch.Tensor
) -> torch.Tensor:
    """KL(p || q) of diagonal Gaussians, elementwise, in nats; log-variances, any shapes that broadcast."""
    return 0.5 * (
        log_var_q - log_var_p - 1 + (log_var_p - log_var_q).exp() + (mean_p - mean_q) ** 2 * (-log_var_q).exp()
    )


def discretized_gaussian_log_likelihood(x: torch.Tensor, mean: torch.Tensor, log_std: torch.Tensor) -> torch.Tensor:
    """log-probability of 8-bit intensities x in [-1, 1] under a Gaussian, elementwise, in nats (arXiv:2006.11239,
    eq. 13)."""

    def cdf(z: torch.Tensor) -> torch.Tensor:  # tanh approximation of the published code, so that losses agree
        return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))

    scale = (-log_std).exp()
    upper, lower = cdf(scale * (x - mean + 1 / 255)), cdf(scale * (x - mean - 1 / 255))
    probability = torch.where(x < -0.999, upper, torch.where(x > 0.999, 1 - lower, upper - lower))
    return probability.clamp(min=1e-12).log()


class HybridDiffusionLoss(_Loss):
    r"""L_hybrid = L_simple + L_vlb (Nichol & Dhariwal, arXiv:2102.09672, eq. 16), the thesis' objective in ch. 5, 7
    and 8.

    L_simple is the mean squared error of what the network predicts. L_vlb, one term of the variational bound in
    bits per dimension, trains the variance only: the prediction is detached in it. Its published weight 0.001 is
    the 1/T that a single term of T = 1000 is an estimate of T times, so here it stands without a factor, as in the
    code the thesis used. A network with as many output channels as image channels learns no variance: the loss is
    then L_simple.

    Args:
        schedule: the noise schedule.
        vlb_weight: factor of L_vlb.
        prediction: what the network predicts, see `Parametrization`.
    """

    def __init__(self, schedule: NoiseSchedule, vlb_weight: float = 1.0, prediction: str = "epsilon") -> None:
        super().__init__()
        self.schedule = schedule
        self.vlb_weight = vlb_weight
        self.parametrization = Parametrization(schedule, prediction)

    def forward(
        self, output: torch.Tensor, noise: torch.Tensor, x0: torch.Tensor, x: torch.Tensor, level: torch.Tensor
    ) -> torch.Tensor:
        """The loss of each sample, (N,).

        Args:
            output: the network's output, (N, C, ...) or (N, 2C, ...) with the variance.
            noise: the noise that was added, (N, C, ...).
            x0: the clean image, (N, C, ...).
            x: the noisy image, (N, C, ...).
            level: integer levels in 1..T, (N,).

        Raises:
            ValueError: when the output has neither C nor 2 C channels.
        """
        channels, output = x.shape[1], output.to(x.dtype)
        if output.shape[1] not in (channels, 2 * channels):
            raise ValueError(f"expected {channels} or, with a variance, {2 * channels} channels, got {output.shape[1]}")
        predicted = output[:, :channels]
        wanted = self.parametrization.target(x0, noise, level)
        simple = F.mse_loss(predicted, wanted, reduction="none").flatten(1).mean(1)
        if output.shape[1] == channels:
            return simple
        predicted_x0 = self.parametrization.read(x, predicted.detach(), level)[1]
        return simple + self.vlb_weight * self.bound(predicted_x0, output[:, channels:], x0, x, level)

    def bound(
        self, predicted_x0: torch.Tensor, variance: torch.Tensor, x0: torch.Tensor, x: torch.Tensor, level: torch.Tensor
    ) -> torch.Tensor:
        """One term of the variational bound for each sample, in bits per dimension, (N,)."""
        to_x0, to_x, log_beta, log_posterior = (coefficient(v, x) for v in self.schedule.posterior(level, level - 1))
        share = (variance + 1) / 2
        log_variance = share * log_beta + (1 - share) * log_posterior
        mean = to_x0 * predicted_x0 + to_x * x
        kl = gaussian_kl(to_x0 * x0 + to_x * x, torch.as_tensor(log_posterior), mean, log_variance)
        nll = -discretized_gaussian_log_likelihood(x0, mean, 0.5 * log_variance)
        first = (level == 1).reshape(-1, *[1] * (x.ndim - 1))
        return torch.where(first, nll, kl).flatten(1).mean(1) / math.log(2)
