# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from .site_head import known_sites
from .targets import SiteTargets

__all__ = ["GroupDROLoss"]


class GroupDROLoss(_Loss):
    r"""Cross-entropy of the classes, with the more weight on a group the worse it is classified (group DRO),

    .. math::

        q_g \leftarrow \frac{q_g \exp(\eta (l_g + C / \sqrt{n_g}))}{\sum_{g'} \dots}, \qquad L = \sum_g q_g l_g,

    with the groups g of one site and one class and the mean loss l_g of each in the batch. The weights q are a buffer:
    give this module to `TrainingState`. A group that the batch does not hold counts 0, so the batches should hold all,
    see `ClassAwareBatchSampler`. Without gradients (validation) the weights stay as they are.
    Source: Sagawa et al., "Distributionally Robust Neural Networks for Group Shifts" (ICLR 2020,
    https://arxiv.org/abs/1911.08731), algorithm 1 and section 3.3.

    Args:
        groups: number of training images of each site and class, S x K, see `group_counts`; those of 0 are no groups.
        step: eta.
        adjustment: C, for the small groups; 0 for none.

    Raises:
        ValueError: when all groups are empty.

    Example::

        loss = GroupDROLoss([[2, 3], [0, 9]])
        targets = SiteTargets(torch.tensor([0, 1]), torch.tensor([0, 1]), torch.tensor([True, False]))
        loss({"logits": torch.zeros(2, 2, requires_grad=True)}, targets)
    """

    def __init__(self, groups: Sequence[Sequence[int]], step: float = 0.01, adjustment: float = 0.0) -> None:
        super().__init__()
        self.groups = groups
        self.step = step
        self.adjustment = adjustment
        counts = torch.tensor(groups, dtype=torch.float32)
        present = (counts > 0).float()
        if not present.any():
            raise ValueError(f"groups must count the images of each site and class, got {groups}")
        self.shift: torch.Tensor
        self._weights: torch.Tensor
        self.register_buffer("shift", adjustment * counts.clamp(min=1).rsqrt() * present, persistent=False)
        # private: what changes while it is trained is no setting of the training
        self.register_buffer("_weights", present / present.sum())

    @property
    def weights(self) -> torch.Tensor:
        """The weights q of each site and class (S, K)."""
        return self._weights

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The loss, a scalar; raises the weights of the groups that are classified badly.

        Args:
            output: of `LatentCenterClassifier`, with ``logits`` (N, K).
            targets: of the images; those of unknown sites are left out.
        """
        known = known_sites(targets)
        label = targets.label[known]
        cost = F.cross_entropy(output["logits"].float()[known], label, reduction="none")
        group = targets.site[known] * self._weights.shape[1] + label
        number = group.bincount(minlength=self._weights.numel())
        mean = cost.new_zeros(len(number)).index_add(0, group, cost) / number.clamp(min=1)
        if torch.is_grad_enabled():
            risen = mean.detach() + torch.where(number > 0, self.shift.flatten(), 0)
            weights = (self._weights.flatten().log() + self.step * risen).softmax(0)  # in logarithms: no overflow
            self._weights.copy_(weights.view_as(self._weights))
        return (self._weights.flatten().clone() * mean).sum()
