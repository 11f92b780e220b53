# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn.modules.loss import _Loss

from .targets import SiteTargets, mean_of

__all__ = ["SupervisedContrastiveLoss"]


class SupervisedContrastiveLoss(_Loss):
    r"""Images of one class attract each other, those of different classes repel, whatever their sites,

    .. math::

        L_{out} = \frac{1}{N} \sum_i \frac{-1}{|P(i)|} \sum_{p \in P(i)}
            \log \frac{\exp(f_i \cdot f_p / \tau)}{\sum_{a \ne i} \exp(f_i \cdot f_a / \tau)},

    with one view of each image, P(i) the others of its class, and the mean over the images that have such.
    Source: Khosla et al., "Supervised Contrastive Learning" (NeurIPS 2020, https://arxiv.org/abs/2004.11362), eq. 2.

    Args:
        temperature: tau.

    Raises:
        ValueError: when it is not positive.

    Example::

        latent = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
        targets = SiteTargets(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2]), torch.zeros(3, dtype=torch.bool))
        SupervisedContrastiveLoss()({"latent": latent}, targets)  # nearly 0
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self.temperature = temperature

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The loss, a scalar; 0 where no two images are of one class.

        Args:
            output: of `LatentCenterClassifier`, with ``latent`` (N, m), each of length 1.
            targets: of the images.
        """
        latent, label = output["latent"].float()[targets.drawn], targets.label[targets.drawn]
        itself = torch.eye(len(label), dtype=torch.bool, device=label.device)
        similarity = latent @ latent.t() / self.temperature
        # not minus infinity: the gradient of an image alone in its batch would be NaN
        share = similarity.masked_fill(itself, torch.finfo(similarity.dtype).min).log_softmax(1)
        positive = (label[:, None] == label[None]) & ~itself
        number = positive.sum(1)
        return mean_of(-torch.where(positive, share, 0).sum(1) / number.clamp(min=1), number > 0)
