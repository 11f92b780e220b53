# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ...utils import one_of

__all__ = ["LatentCenterClassifier"]


class LatentCenterClassifier(nn.Module):
    """A classifier whose latent vectors have length 1, and a center for each class among them (thesis ch. 9, fig. 2).

    The network of "Learn to Ignore": encoder E, linear classifier C, centers O. Its losses are `CenterPointLoss`,
    `LatentLoss` and `ClassLoss`, and their routing of the gradients asks for the logits twice, see `forward`.
    Source: Wolleb et al. (https://arxiv.org/abs/2110.06803), section 2.

    Args:
        encoder: from images, and whatever else is given, to (N, latent_dim): `InceptionResNetV1`, or
            `NoiseConditionedEncoder`, which makes a guide for images at any noise level of it.
        latent_dim: length m of the latent vectors.
        num_classes: K.
        centers: ``"learned"``: a parameter ``centers`` (K, m), at first as far from each other as can be; or
            ``"fixed"``: a buffer, (1, ..., 1) and (-1, ..., -1) normalized, for two classes.

    Raises:
        ValueError: when there are fewer than two classes, or more than latent dimensions, or fixed centers are asked
            for and the classes are not two.

    Example::

        encoder = InceptionResNetV1(2, out_channels=16, width=0.125, blocks=(1, 1, 1), hidden=32, padding=True)
        network = LatentCenterClassifier(encoder, latent_dim=16)
        logits = network(torch.rand(4, 1, 40, 48))  # (4, 2)
        latent = network(torch.rand(4, 1, 40, 48), details=True)["latent"]  # (4, 16), each of length 1
    """

    def __init__(
        self, encoder: nn.Module, latent_dim: int = 128, num_classes: int = 2, centers: str = "learned"
    ) -> None:
        super().__init__()
        if not 2 <= num_classes <= latent_dim:
            raise ValueError(f"num_classes must be 2 to latent_dim ({latent_dim}), got {num_classes}")
        one_of("centers", centers, ("learned", "fixed"))
        if centers == "fixed" and num_classes != 2:
            raise ValueError(f"fixed centers are those of 2 classes, got {num_classes}")
        self.encoder = encoder
        self.classifier = nn.Linear(latent_dim, num_classes)
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.centers_fixed = centers == "fixed"
        self.centers: torch.Tensor
        if self.centers_fixed:
            ones = torch.ones(latent_dim)
            self.register_buffer("centers", F.normalize(torch.stack([ones, -ones]), dim=1))
        else:
            self.centers = nn.Parameter(_far_apart(num_classes, latent_dim))

    def forward(
        self, x: torch.Tensor, *args: Any, details: bool = False, **kwargs: Any
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """Classify images.

        Args:
            x: images (N, C, *spatial).
            args: for the encoder, e.g. the noise levels (N,).
            details: what the losses and the inferers want instead of the logits.
            kwargs: for the encoder.

        Returns:
            Logits (N, K); with ``details`` a dictionary: ``"logits"``; ``"detached_logits"``, the same numbers, whose
            gradients end at the classifier; ``"latent"`` (N, m) and ``"centers"`` (K, m), all of length 1, in float32
            where the encoder computes in less.

        Raises:
            ValueError: when the encoder's output has another length than ``latent_dim``.
        """
        raw = self.encoder(x, *args, **kwargs)
        if not torch.jit.is_tracing() and raw.shape[1:] != (self.latent_dim,):
            raise ValueError(f"expected (N, {self.latent_dim}) of the encoder, found {tuple(raw.shape)}")
        latent = _of_length_1(raw)
        logits = self._classify(latent)
        if not details:
            return logits
        return {
            "logits": logits,
            "detached_logits": self._classify(latent.detach()),
            "latent": latent,
            "centers": _of_length_1(self.centers),
        }

    def _classify(self, latent: torch.Tensor) -> torch.Tensor:
        return self.classifier(latent.to(self.classifier.weight.dtype))


def _of_length_1(x: torch.Tensor) -> torch.Tensor:
    # in bfloat16 the length would be wrong by half a percent
    return F.normalize(x.to(torch.promote_types(x.dtype, torch.float32)), dim=1)


def _far_apart(number: int, length: int) -> torch.Tensor:
    """The corners (number, length) of a regular simplex on the unit sphere, turned at random."""
    corners = torch.eye(number) - 1 / number
    turn, _ = torch.linalg.qr(torch.randn(length, number))
    return F.normalize(corners @ turn.t(), dim=1)
