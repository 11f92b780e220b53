# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from .errors import DataError

__all__ = ["check_class_logits"]


def check_class_logits(logits: torch.Tensor, target: int | torch.Tensor | None = None) -> None:
    """See that a classifier can tell something: of one class alone it is always certain.

    Args:
        logits: (N, classes).
        target: a class that must be one of them; a tensor, and None, are not looked at.

    Raises:
        DataError: when there are fewer than two classes, or not the target.
    """
    classes = logits.shape[1]
    if classes < 2:
        raise DataError(f"expected a classifier of two classes or more, found {classes} output, as of a regressor")
    if isinstance(target, int) and not 0 <= target < classes:
        raise DataError(f"expected the class {target} among those of the classifier, found 0..{classes - 1}")
