# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from monai.utils import ensure_tuple
from torch import nn
from torch.nn.modules.loss import _Loss

from ..diffusion import NoiseSchedule, NoisyImages
from .hybrid import HybridDiffusionLoss
from .tasks import ClassificationLoss

__all__ = ["GuidedDiffusionLoss"]


class GuidedDiffusionLoss(_Loss):
    """Hybrid loss of the diffusion network plus the losses of the task networks (thesis ch. 7 and 8).

    The networks share no parameter, so one sum trains all of them at once on the same noisy batch. Without an output of
    the diffusion network, which is then not trained, it is the sum of the tasks' losses.

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        vlb_weight: see `HybridDiffusionLoss`.
        tasks: name of a task network -> its loss, called as ``loss(pred, noisy)``, e.g. a `TaskLoss`; None: the
            cross-entropy of a ``classifier``.
        trained: parts that are trained, as `GuidedDiffusionNet` is told; None: all. Losses of other tasks are left out.

    Raises:
        ValueError: when ``trained`` names a task without a loss.

    Example::

        batch = {"image": torch.rand(4, 1, 8, 8), "label": torch.tensor([0, 1, 0, 1]), "size": torch.rand(4)}
        target = NoisyPrepareBatch(targets=("label", "size"))(batch)[1]
        tasks = {"classifier": ClassificationLoss(), "size": RegressionLoss("size", weight=10.0)}
        noise_and_variance = torch.randn(4, 2, 8, 8)
        pred = {"diffusion": noise_and_variance, "classifier": torch.randn(4, 2), "size": torch.randn(4, 1)}
        loss = GuidedDiffusionLoss(tasks=tasks)(pred, target)
    """

    def __init__(
        self,
        schedule: NoiseSchedule | None = None,
        vlb_weight: float = 1.0,
        tasks: Mapping[str, nn.Module] | None = None,
        trained: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.hybrid = HybridDiffusionLoss(schedule, vlb_weight)
        losses = {"classifier": ClassificationLoss()} if tasks is None else dict(tasks)
        if trained is not None:
            names = [name for name in ensure_tuple(trained) if name != "diffusion"]
            if without := [name for name in names if name not in losses]:
                raise ValueError(f"trained names {without}, which have no loss: tasks has {sorted(losses)}")
            losses = {name: losses[name] for name in names}
        self.tasks = nn.ModuleDict(losses)

    def forward(self, pred: Mapping[str, torch.Tensor], target: NoisyImages) -> torch.Tensor:
        """The mean loss of a batch, a scalar.

        Args:
            pred: outputs of the parts that are trained, as `GuidedDiffusionNet` gives them: ``diffusion``
                (N, C or 2C, H, W), and each task's.
            target: images (N, C, H, W) with the targets of the tasks, as `NoisyPrepareBatch` makes.

        Raises:
            ValueError: when a task has an output and no loss, or a loss and no output.
            DataError: when a target is missing or does not fit, see `TaskLoss`.
        """
        outputs = {name: output for name, output in pred.items() if name != "diffusion"}
        if outputs.keys() != self.tasks.keys():
            raise ValueError(
                f"expected outputs of the task networks that have a loss, {sorted(self.tasks)}, found {sorted(outputs)}"
            )
        losses = [self.hybrid(pred["diffusion"], target)] if "diffusion" in pred else []
        losses += [loss(outputs[name], target) for name, loss in self.tasks.items()]
        if not losses:
            raise ValueError("expected an output of the diffusion network or of a task network, found none")
        return sum(losses[1:], start=losses[0])
