# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import torch

__all__ = ["discretized_gaussian_log_likelihood", "gaussian_kl"]


def gaussian_kl(
    mean_p: torch.Tensor, log_var_p: torch.Tensor, mean_q: torch.Tensor, log_var_q: torch.Tensor
) -> torch.Tensor:
    """KL(p || q) of diagonal Gaussians, elementwise, in nats; log-variances, any shapes that broadcast.

    Example::

        zero = torch.zeros(3)
        nats = gaussian_kl(zero + 2, zero, zero, zero)  # of N(2, 1) and N(0, 1)
        bits_per_dim = nats.mean() / math.log(2)
        assert torch.equal(nats, zero + 2)
    """
    return 0.5 * (
        log_var_q - log_var_p - 1 + (log_var_p - log_var_q).exp() + (mean_p - mean_q) ** 2 * (-log_var_q).exp()
    )


def discretized_gaussian_log_likelihood(x: torch.Tensor, mean: torch.Tensor, log_std: torch.Tensor) -> torch.Tensor:
    """Log-probability of 8-bit intensities x in [-1, 1] under a Gaussian, elementwise, in nats (arXiv:2006.11239,
    eq. 13).

    Example::

        x = torch.tensor([-1.0, 0.0, 1.0])
        log_p = discretized_gaussian_log_likelihood(x, mean=x, log_std=torch.full((3,), -8.0))
        assert log_p.abs().max() < 1e-5  # a sharp Gaussian is sure of its bin
    """

    def cdf(z: torch.Tensor) -> torch.Tensor:  # tanh approximation of the published code, so that losses agree
        return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))

    scale = (-log_std).exp()
    upper, lower = cdf(scale * (x - mean + 1 / 255)), cdf(scale * (x - mean - 1 / 255))
    probability = torch.where(x < -0.999, upper, torch.where(x > 0.999, 1 - lower, upper - lower))
    return probability.clamp(min=1e-12).log()
