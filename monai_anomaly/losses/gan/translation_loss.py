# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn.modules.loss import _Loss

from ...utils import one_of
from .image_class import ImageClassLoss
from .targets import TARGETS

__all__ = ["TranslationLoss"]

ADVERSARIAL = ("wasserstein", "relativistic", "least_squares")


class TranslationLoss(_Loss):
    """What the losses of critic and generator share; the weight of a term ``name`` is their ``lambda_name``.

    Args:
        targets: which translations there are, see `translation_targets`.
        adversarial: ``"wasserstein"``, ``"relativistic"`` or ``"least_squares"``.

    Raises:
        ValueError: when ``targets`` or ``adversarial`` is unknown.
    """

    def __init__(self, targets: str, adversarial: str) -> None:
        super().__init__()
        self.targets = one_of("targets", targets, TARGETS)
        self.adversarial = one_of("adversarial", adversarial, ADVERSARIAL)
        self.classification = ImageClassLoss()

    def total(self, terms: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``loss``, the weighted sum of the terms, and the terms themselves without gradients."""
        loss = sum(getattr(self, f"lambda_{name}") * term for name, term in terms.items())
        return {"loss": loss, **{name: term.detach() for name, term in terms.items()}}
