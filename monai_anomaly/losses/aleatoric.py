# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

__all__ = ["AleatoricLoss", "split_mean_sigma"]


def split_mean_sigma(output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the logits, each (N, K, ...) of float32, of a network that gives the mean and the
    log-variance: (N, 2K, ...), the K means first.

    Raises:
        ValueError: when the number of channels is odd.
    """
    if output.shape[1] % 2:
        raise ValueError(f"expected a mean and a log-variance per region, found {output.shape[1]} channels")
    mean, log_variance = output.float().chunk(2, dim=1)
    return mean, (0.5 * log_variance).exp()


class AleatoricLoss(_Loss):
    r"""Binary cross-entropy of a network that gives its logits as Gaussians: uncertainty that lies in the data.

    Kendall & Gal, "What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?"
    (https://arxiv.org/abs/1703.04977), eq. 12, for K regions that do not exclude each other: with the logits
    :math:`\hat x_t = f + \sigma \epsilon_t, \epsilon_t \sim N(0, 1)`, for each pixel and region

    .. math::

        L = -\log \frac{1}{T} \sum_{t=1}^{T} p(y \mid \hat x_t), \quad
        p(1 \mid \hat x) = \mathrm{sigmoid}(\hat x), \; p(0 \mid \hat x) = \mathrm{sigmoid}(-\hat x).

    Where the variance is 0 this is the cross-entropy of f. The network gives :math:`\log \sigma^2`, as the paper
    recommends for regression (below its eq. 8): every output is a valid variance. Jungo & Reyes
    (https://github.com/alainjungo/reliability-challenges-uncertainty), whom the thesis follows, have a softmax over two
    classes and let the network give :math:`\sigma` itself (their ``is_log_sigma: false``), of which the sign is lost.

    Args:
        samples: T, the logits drawn for each pixel; 10 as in Jungo & Reyes' code.
        seed: None draws from torch's global generator (training); a number makes the noise the same for every batch, so
            that a validation loss is comparable between epochs.

    Raises:
        ValueError: when no sample is asked for.

    Example::

        output = torch.randn(4, 2, 8, 8, requires_grad=True)  # mean and log-variance of one region's logits
        mask = (torch.rand(4, 1, 8, 8) > 0.9).float()
        AleatoricLoss()(output, mask).backward()
    """

    def __init__(self, samples: int = 10, seed: int | None = None) -> None:
        super().__init__()
        if samples < 1:
            raise ValueError(f"samples must be at least 1, got {samples}")
        self.samples = samples
        self.seed = seed

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch, a scalar, in nats per pixel and region.

        Args:
            pred: means and log-variances of the logits (N, 2K, ...).
            target: masks (N, K, ...) in {0, 1}.

        Raises:
            ValueError: when the shapes do not match.
        """
        mean, sigma = split_mean_sigma(pred)
        if target.shape != mean.shape:
            raise ValueError(f"expected masks of the shape {tuple(mean.shape)}, found {tuple(target.shape)}")
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        # drawn on the CPU: the same on every device
        noise = torch.randn(self.samples, *mean.shape, generator=generator).to(mean)
        logits = mean + sigma * noise
        # log of the mean probability without leaving the log domain: confident mistakes keep their gradient
        lesion = F.logsigmoid(logits).logsumexp(0)
        healthy = F.logsigmoid(-logits).logsumexp(0)
        return math.log(self.samples) - torch.lerp(healthy, lesion, target.float()).mean()
