# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch.nn.modules.loss import _Loss

from ...diffusion import NoisyImages
from ...utils import DataError

__all__ = ["TaskLoss"]


class TaskLoss(_Loss, ABC):
    """What a task network's output for noisy images costs, times a weight; a subclass says the cost.

    Args:
        target: entry of the batch's targets that the network is to learn, see `NoisyPrepareBatch`.
        weight: factor of the cost.

    Example::

        class AbsoluteError(TaskLoss):
            def cost(self, pred, wanted):
                return (pred - wanted).abs().mean()

        batch = {"image": torch.rand(2, 1, 8, 8), "age": [40, 9]}
        noisy = NoisyPrepareBatch(targets=("age",), conditional=False)(batch)[1]
        loss = AbsoluteError("age")(torch.zeros(2), noisy)  # 24.5
    """

    def __init__(self, target: str, weight: float = 1.0) -> None:
        super().__init__()
        self.target = target
        self.weight = weight

    def forward(self, pred: torch.Tensor, noisy: NoisyImages) -> torch.Tensor:
        """The weighted cost of a batch, a scalar.

        Args:
            pred: the task network's output (N, ...), taken as float32.
            noisy: the images with their targets.

        Raises:
            DataError: when the images come without this target, or it does not fit the output.
        """
        if self.target not in noisy.targets:
            raise DataError(
                f"expected the target {self.target!r} with the noisy images, found {sorted(noisy.targets) or 'none'}: "
                "name it in the targets of NoisyPrepareBatch"
            )
        return self.weight * self.cost(pred.float(), noisy.targets[self.target])

    @abstractmethod
    def cost(self, pred: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """The mean cost of outputs (N, ...) for targets (N, ...), a scalar."""

    def mismatch(self, pred: torch.Tensor, wanted: torch.Tensor, expected: str) -> DataError:
        """The error of an output and a target that do not fit each other."""
        return DataError(
            f"target {self.target!r}: expected {expected}, found outputs {tuple(pred.shape)} for targets "
            f"{tuple(wanted.shape)}"
        )
