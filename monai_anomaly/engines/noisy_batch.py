# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils import CommonKeys as Keys

from ..diffusion import NoiseSchedule, NoisyImages, RandomNoising
from .target_batch import class_labels, plain_tensor

__all__ = ["NoisyPrepareBatch"]


class NoisyPrepareBatch(PrepareBatch):
    """Noise a batch to random levels, for networks that learn to denoise or to classify noisy images.

    One noisy image serves the diffusion network and the classifier alike, unless the classifier has a highest level of
    its own; the levels lie in 1..``max_level`` or 1..``classifier_max_level``.

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        level_power: levels are drawn as u^power, u uniform; 1 is the thesis, more favors low noise, where a classifier
            sees enough to learn from.
        max_level: highest level drawn; None: T. A translation to level L never visits levels above L.
        classifier_max_level: highest level drawn for the classifier, which then gets noisy images of its own; None:
            those of the diffusion network.
        null_label: class the diffusion network is told in place of the image's with probability ``label_dropout``, so
            that it learns to do without; None where every image keeps its label (the thesis).
        label_dropout: that probability.
        conditional: False: the diffusion network is told no class at all.
        seed: None draws from torch's global generator (training); a number makes levels and noise the same for every
            batch alone, so that a validation loss is comparable between epochs.

    Raises:
        ValueError: when a highest level is not a level of the schedule.

    Example::

        batch = {"image": torch.rand(2, 1, 8, 8), "label": torch.tensor([0, 1])}
        x, target, _, arguments = NoisyPrepareBatch(max_level=500)(batch)
        assert torch.equal(arguments["class_labels"], target.label) and target.level.max() <= 500
    """

    def __init__(
        self,
        schedule: NoiseSchedule | None = None,
        level_power: float = 1.0,
        max_level: int | None = None,
        classifier_max_level: int | None = None,
        null_label: int | None = None,
        label_dropout: float = 0.5,
        conditional: bool = True,
        seed: int | None = None,
    ) -> None:
        self.schedule = schedule or NoiseSchedule()
        self.noising = RandomNoising(self.schedule, level_power)
        self.max_level = self.noising.check_level("max_level", max_level)
        self.noising.check_level("classifier_max_level", classifier_max_level)
        self.classifier_max_level = classifier_max_level
        self.null_label = null_label
        self.label_dropout = label_dropout
        self.conditional = conditional
        self.seed = seed

    def __call__(
        self,
        batchdata: dict[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, NoisyImages, tuple, dict[str, torch.Tensor]]:
        """Noisy images, the losses' target, and the networks' further arguments.

        Args:
            batchdata: ``image`` (N, C, H, W) and ``label`` (N,).
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to`.
        """
        x0 = plain_tensor(batchdata, Keys.IMAGE, device, non_blocking, **kwargs)
        label = class_labels(batchdata, device, non_blocking)
        # drawn on the CPU: the same on every device
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        noisy = replace(self.noising(x0, self.max_level, generator), label=label)
        network_kwargs = {"timesteps": self.schedule.timesteps(noisy.level, x0)}
        if self.conditional:
            told = label
            if self.null_label is not None:
                dropped = torch.rand(len(x0), generator=generator).to(x0.device) < self.label_dropout
                told = torch.where(dropped, torch.full_like(label, self.null_label), label)
            network_kwargs["class_labels"] = told
        if self.classifier_max_level is not None:
            noisier = self.noising(x0, self.classifier_max_level, generator)
            network_kwargs["classifier_image"] = noisier.x
            network_kwargs["classifier_timesteps"] = self.schedule.timesteps(noisier.level, x0)
        return noisy.x, noisy, (), network_kwargs
