# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["append_label_planes"]


def append_label_planes(x: torch.Tensor, label: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Images (N, C + num_classes, ...): behind the channels one plane per class, of ones for the image's class.

    How StarGAN tells its generator the class (Choi et al., https://arxiv.org/abs/1711.09020).

    Args:
        x: (N, C, ...).
        label: (N,) or (N, 1), 0..num_classes - 1, of any number type.
        num_classes: number of classes.

    Raises:
        ValueError: when there is not one label per image.
    """
    label = label.reshape(-1).long()
    if label.shape[0] != x.shape[0]:
        raise ValueError(f"expected one target per image, {x.shape[0]}, found {label.shape[0]}")
    one_hot = F.one_hot(label, num_classes).to(x.dtype)
    planes = one_hot.reshape(list(one_hot.shape) + [1] * (x.ndim - 2)) * torch.ones_like(x[:, :1])
    return torch.cat([x, planes], dim=1)
