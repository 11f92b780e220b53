# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ...utils import DataError, check_class_logits
from .base import Guidance
from .checks import check_whole

__all__ = ["ClassifierGuidance"]


class ClassifierGuidance(Guidance):
    """Toward a class: log softmax of a noise-conditioned classifier's logits (thesis ch. 7, Algorithm 1).

    The network is called as ``network(x, timesteps=t)`` and returns logits (N, classes).

    Args:
        target: the class to move to (0: healthy), one for all or a tensor (N,).
        scale: see `Guidance`.
        interval: see `Guidance`.
        task: name of the classifier.

    Raises:
        DataError: when bound, for a target that is not a whole number or not one for each image; in use, when the
            classifier has fewer than two classes or no class ``target``, see `check_class_logits`.

    Example::

        levels = {"channels": (8, 8), "attention_levels": (False, False), "norm_num_groups": 8, "num_head_channels": 8}
        classifier = NoiseConditionedEncoder(in_channels=1, pool="local", **levels)
        guide = ClassifierGuidance(target=0, scale=100.0, interval=(0, 400)).bind(classifier, NoiseSchedule())
        denoiser = Denoiser(lambda x, timesteps: x, NoiseSchedule())
        healthy = solve(denoiser, torch.rand(2, 1, 16, 16), uniform_grid(500, 5)[::-1], guidance=guide)
    """

    def __init__(
        self,
        target: int | torch.Tensor = 0,
        scale: float | torch.Tensor = 1.0,
        interval: Sequence[float] = (0.0, math.inf),
        task: str = "classifier",
    ) -> None:
        super().__init__(target, scale, interval, task)

    def prepare(self) -> None:
        """Number the classes; the least and the greatest are checked in use, when the network's are known."""
        if self.target is None or self.target.ndim > 1:
            found = "none" if self.target is None else f"the shape {tuple(self.target.shape)}"
            raise DataError(f"expected a class, or one for each image (N,), as target of the classifier, found {found}")
        self._range = check_whole("target", self.target)
        self.target = self.target.long()

    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        logits = self.network(x, timesteps=timesteps)
        log_p = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(1)
        for target in self._range:
            check_class_logits(log_p, target)
        target = self.target.to(x.device).expand(len(x))
        return log_p.gather(1, target[:, None])[:, 0]
