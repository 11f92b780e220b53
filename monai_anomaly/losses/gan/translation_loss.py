# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn.modules.loss import _Loss

from .image_class import ImageClassLoss
from .targets import check_targets

__all__ = ["TranslationLoss", "check_adversarial"]

ADVERSARIAL = ("wasserstein", "relativistic")


class TranslationLoss(_Loss):
    """What the losses of critic and generator share; the weight of a term ``name`` is their ``lambda_name``.

    Args:
        targets: which translations there are, see `translation_targets`.

    Raises:
        ValueError: when ``targets`` is unknown.
    """

    def __init__(self, targets: str) -> None:
        super().__init__()
        self.targets = check_targets(targets)
        self.classification = ImageClassLoss()

    def total(self, terms: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``loss``, the weighted sum of the terms, and the terms themselves without gradients."""
        loss = sum(getattr(self, f"lambda_{name}") * term for name, term in terms.items())
        return {"loss": loss, **{name: term.detach() for name, term in terms.items()}}


def check_adversarial(kind: str) -> str:
    """The kind of adversarial loss.

    Raises:
        ValueError: when it is unknown.
    """
    if kind not in ADVERSARIAL:
        raise ValueError(f"adversarial must be one of {ADVERSARIAL}, got {kind!r}")
    return kind
