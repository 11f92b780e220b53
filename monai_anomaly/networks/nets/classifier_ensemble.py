# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .noise_conditioned_encoder import NoiseConditionedEncoder

__all__ = ["ClassifierEnsemble"]


class ClassifierEnsemble(nn.Module):
    """Several noise-conditioned classifiers of one shape, trained side by side, that answer as one.

    A small classifier that has seen few images leads a decoding by what it happened to learn: its gradient is right
    about the lesion and arbitrary elsewhere. Members that started from other weights are arbitrary elsewhere in other
    ways, so the mean of their gradients is more of the lesion. The answer is the mean of their log-probabilities (the
    geometric mean of the probabilities); the loss asks for each member's own logits, so that each learns by itself.
    Source: Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles"
    (https://arxiv.org/abs/1612.01474).

    Args:
        members: how many.
        encoder: arguments of each, see `NoiseConditionedEncoder`.

    Raises:
        ValueError: when there is no member, or the encoders have fewer than two outputs.

    Example::

        ensemble = ClassifierEnsemble(
            members=3, in_channels=1, channels=(8, 16), num_res_blocks=1, attention_levels=(False, True),
            num_head_channels=8, norm_num_groups=8, pool="local",
        )
        x, timesteps = torch.rand(2, 1, 32, 32), torch.tensor([3, 800])
        log_p = ensemble(x, timesteps)  # (2, 2)
        logits = ensemble(x, timesteps, details=True)  # (2, 2, 3), for `ClassificationLoss`
    """

    def __init__(self, members: int = 3, **encoder: Any) -> None:
        super().__init__()
        if members < 1:
            raise ValueError(f"members must be at least 1, got {members}")
        if (outputs := encoder.get("out_channels", 2)) < 2:
            raise ValueError(f"out_channels must be at least 2, the classes, got {outputs}")
        networks = [NoiseConditionedEncoder(**encoder) for _ in range(members)]
        self.members = nn.ModuleList(networks)
        self.stride = networks[0].stride  # what image sizes must be a multiple of

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor, details: bool = False) -> torch.Tensor:
        """Classify noisy images.

        Args:
            x: images (N, C, *spatial), as each member takes them.
            timesteps: 0-based noise levels (N,).
            details: what the loss wants instead.

        Returns:
            The members' mean log-probabilities (N, K), logits as far as a softmax is concerned; with ``details`` the
            logits (N, K, M) of each.
        """
        logits = torch.stack([member(x, timesteps) for member in self.members], dim=-1)
        return logits if details else logits.log_softmax(1).mean(-1)
