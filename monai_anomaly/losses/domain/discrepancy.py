# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional as F
from torch.nn.modules.loss import _Loss

from ...utils import DataError
from .clusters import nearest, spherical_kmeans
from .targets import SiteTargets

__all__ = ["ContrastiveDiscrepancyLoss"]


class ContrastiveDiscrepancyLoss(_Loss):
    r"""Contrastive domain discrepancy (CDD) of the contrastive adaptation network (CAN),

    .. math::

        L = \frac{1}{|M|} \sum_{c} D^{cc} - \frac{1}{|M'|} \sum_{c \ne c'} D^{cc'},

    with the maximum mean discrepancy D of class c of the source domain (all other sites) and class c' of the target
    domain, in the latent space, over the classes that the batch has of both. The target's labels are not used: its
    images have the class of the nearest cluster, see `cluster`, and those too far from all of them none. (The original
    fixes the class of each image for an epoch, here the clusters are fixed.)
    Source: Kang et al., "Contrastive Adaptation Network for Unsupervised Domain Adaptation" (CVPR 2019,
    https://arxiv.org/abs/1901.00976), eqs. 3-5 and section 3.4; the kernel, a sum of Gaussians around the mean squared
    distance, of Long et al. (https://arxiv.org/abs/1502.02791).

    Args:
        num_classes: K.
        latent_dim: m.
        threshold: images of the target further than this from their cluster, (1 - cos) / 2, are left out; 0 to 1.
        min_images: so are clusters with fewer images of the target within.
        kernels: number of Gaussians.
        factor: from each one's squared width to the next.
        start: share of the training from which it counts; before, it is 0. The clusters of a network that has learned
            nothing, whose batch normalization has seen few batches, are of no use.

    Attributes:
        progress: share of the training that is done, 0 to 1; set by `LossProgress`, without which it is 1.

    Raises:
        DataError: in use, when there are no clusters yet: `ClusterTargets` finds them before each epoch.

    Example::

        loss = ContrastiveDiscrepancyLoss(num_classes=2, latent_dim=2, min_images=1)
        latent = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.8, 0.6], [-0.8, 0.6]])
        site = torch.tensor([1, 1, 0, 0])
        targets = SiteTargets(torch.tensor([0, 1, 0, 1]), site, site == 0)
        loss.cluster(latent, targets)
        loss({"latent": latent}, targets)
    """

    def __init__(
        self,
        num_classes: int = 2,
        latent_dim: int = 128,
        threshold: float = 0.5,
        min_images: int = 3,
        kernels: int = 5,
        factor: float = 2.0,
        start: float = 0.0,
    ) -> None:
        super().__init__()
        self.threshold = threshold
        self.min_images = min_images
        self.kernels = kernels
        self.factor = factor
        self.start = start
        self.progress = 1.0
        self._centers: torch.Tensor
        self._used: torch.Tensor
        # private: what changes while it is trained is no setting of the training
        self.register_buffer("_centers", torch.zeros(num_classes, latent_dim))
        self.register_buffer("_used", torch.zeros(num_classes, dtype=torch.bool))

    @property
    def centers(self) -> torch.Tensor:
        """Of the clusters (K, m), each of length 1; 0 before there are any."""
        return self._centers

    @property
    def used(self) -> torch.Tensor:
        """Which clusters have enough images (K,), of bool."""
        return self._used

    @torch.no_grad()
    def cluster(self, latent: torch.Tensor, targets: SiteTargets) -> None:
        """Find the clusters of the target domain, one for each class, beginning with the source's class centers.

        Args:
            latent: of all training images (N, m).
            targets: of them.

        Raises:
            DataError: when the source domain lacks a class, or there is no image of the target.
        """
        latent, source = F.normalize(latent.float()), ~targets.target
        member = F.one_hot(targets.label, len(self._centers))[source].to(latent)
        if source.all() or not member.any(0).all():
            counts = [int(count) for count in member.sum(0)]
            raise DataError(
                "expected images of the target domain, and of every class in the other sites, found "
                f"{int(targets.target.sum())} and {counts}: clusters need both"
            )
        centers = spherical_kmeans(latent[targets.target], member.t() @ latent[source])
        self._centers.copy_(centers)
        self._used.fill_(True)
        found = self._classes(latent[targets.target])
        self._used.copy_(found[found >= 0].bincount(minlength=len(centers)) >= self.min_images)

    def forward(self, output: Mapping[str, torch.Tensor], targets: SiteTargets) -> torch.Tensor:
        """The loss, a scalar; 0 where the domains share no class, and before the start.

        Args:
            output: of `LatentCenterClassifier`, with ``latent`` (N, m).
            targets: of the images.
        """
        if not self._centers.any():
            raise DataError("expected clusters of the target domain, found none yet: add the handler ClusterTargets")
        latent = output["latent"].float()
        if self.progress < self.start:
            return latent.sum() * 0
        label = torch.where(targets.target, self._classes(latent.detach()), targets.label)
        member = F.one_hot(label + 1, len(self._centers) + 1)[:, 1:].to(latent) * targets.drawn[:, None]
        source, target = member * ~targets.target[:, None], member * targets.target[:, None]

        kernel = self._kernel(latent)
        has_source, has_target = source.any(0), target.any(0)
        source, target = (part / part.sum(0).clamp(min=1) for part in (source, target))
        within_source = torch.einsum("nc,nm,mc->c", source, kernel, source)
        within_target = torch.einsum("nc,nm,mc->c", target, kernel, target)
        discrepancy = within_source[:, None] + within_target[None] - 2 * source.t() @ kernel @ target
        shared = has_source[:, None] & has_target[None]
        same = torch.eye(len(shared), dtype=torch.bool, device=shared.device)
        intra, inter = (
            torch.where(pairs, discrepancy, 0).sum() / pairs.sum().clamp(min=1)
            for pairs in (shared & same, shared & ~same)
        )
        return intra - inter

    def _classes(self, latent: torch.Tensor) -> torch.Tensor:
        """The cluster of each latent vector (N,), -1 for none."""
        number, distance = nearest(latent, self._centers)
        return torch.where((distance <= self.threshold) & self._used[number], number, -1)

    def _kernel(self, latent: torch.Tensor) -> torch.Tensor:
        """The sum of the Gaussians between all images (N, N)."""
        squared = (latent[:, None] - latent[None]).square().sum(-1)
        others = max(len(latent) * (len(latent) - 1), 1)
        width = (squared.detach().sum() / others).clamp(min=1e-12)
        widths = [width * self.factor ** (number - self.kernels // 2) for number in range(self.kernels)]
        return torch.stack([torch.exp(-squared / each) for each in widths]).sum(0)
