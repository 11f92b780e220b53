# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils import CommonKeys as Keys
from monai.utils import ensure_tuple

from ..diffusion import NoiseSchedule, NoisyImages, RandomNoising
from ..utils import DataError
from .target_batch import class_labels, plain_tensor

__all__ = ["NoisyPrepareBatch"]


class NoisyPrepareBatch(PrepareBatch):
    """Noise a batch to random levels, for networks that learn to denoise noisy images or to say something about them.

    One noisy image serves the diffusion network and the task networks alike, unless these have a highest level of
    their own; the levels lie in 1..``max_level`` or 1..``task_max_level``.

    Args:
        schedule: the noise schedule; None: linear, T = 1000.
        level_power: levels are drawn as u^power, u uniform; 1 is the thesis, more favors low noise, where a task
            network sees enough to learn from.
        max_level: highest level drawn; None: T. A translation to level L never visits levels above L.
        task_max_level: highest level drawn for the task networks, which then get noisy images of their own; None:
            those of the diffusion network.
        targets: entries of the batch that the task networks are to learn: ``label``, the class, or numbers and masks of
            any name.
        null_label: class the diffusion network is told in place of the image's with probability ``label_dropout``, so
            that it learns to do without; None where every image keeps its label (the thesis).
        label_dropout: that probability.
        conditional: False: the diffusion network is told no class at all; else it is told the entry ``label``.
        seed: None draws from torch's global generator (training); a number makes levels and noise the same for every
            batch alone, so that a validation loss is comparable between epochs.

    Raises:
        ValueError: when a highest level is not a level of the schedule.

    Example::

        batch = {"image": torch.rand(2, 1, 8, 8), "label": torch.tensor([0, 1]), "size": torch.tensor([0.0, 0.1])}
        x, target, _, arguments = NoisyPrepareBatch(max_level=500, targets=("label", "size"))(batch)
        assert torch.equal(arguments["class_labels"], target.targets["label"]) and target.level.max() <= 500
    """

    def __init__(
        self,
        schedule: NoiseSchedule | None = None,
        level_power: float = 1.0,
        max_level: int | None = None,
        task_max_level: int | None = None,
        targets: Sequence[str] = (Keys.LABEL,),
        null_label: int | None = None,
        label_dropout: float = 0.5,
        conditional: bool = True,
        seed: int | None = None,
    ) -> None:
        self.schedule = schedule or NoiseSchedule()
        self.noising = RandomNoising(self.schedule, level_power)
        self.max_level = self.noising.check_level("max_level", max_level)
        self.noising.check_level("task_max_level", task_max_level)
        self.task_max_level = task_max_level
        self.targets = tuple(str(name) for name in ensure_tuple(targets))
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
            batchdata: ``image`` (N, C, H, W), ``label`` (N,) where the diffusion network is told the class, and the
                targets (N, ...): ``label`` becomes int64 (N,), the others float32.
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to` for the images.

        Raises:
            DataError: when an entry is missing, is not one for each image, or is not finite.
        """
        x0 = plain_tensor(batchdata, Keys.IMAGE, device, non_blocking, **kwargs)
        wanted = (*self.targets, *([str(Keys.LABEL)] if self.conditional else []))
        entries = {name: _entry(batchdata, name, len(x0), device, non_blocking) for name in wanted}
        # drawn on the CPU: the same on every device
        generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        targets = {name: entries[name] for name in self.targets}
        noisy = replace(self.noising(x0, self.max_level, generator), targets=targets)
        network_kwargs = {"timesteps": self.schedule.timesteps(noisy.level, x0)}
        if self.conditional:
            told = label = entries[Keys.LABEL]
            if self.null_label is not None:
                dropped = torch.rand(len(x0), generator=generator).to(x0.device) < self.label_dropout
                told = torch.where(dropped, torch.full_like(label, self.null_label), label)
            network_kwargs["class_labels"] = told
        if self.task_max_level is not None:
            noisier = self.noising(x0, self.task_max_level, generator)
            network_kwargs["task_image"] = noisier.x
            network_kwargs["task_timesteps"] = self.schedule.timesteps(noisier.level, x0)
        return noisy.x, noisy, (), network_kwargs


def _entry(
    batchdata: Mapping[str, Any], name: str, count: int, device: str | torch.device | None, non_blocking: bool
) -> torch.Tensor:
    """An entry of a batch: the class as int64 (N,), anything else as float32 (N, ...)."""
    if name not in batchdata:
        raise DataError(f"expected an entry {name!r} in the batch, found {sorted(map(str, batchdata))}")
    if not torch.as_tensor(batchdata[name]).isfinite().all():
        raise DataError(f"entry {name!r} of the batch: expected finite numbers, found NaN or infinity")
    if name == Keys.LABEL:
        entry = class_labels(batchdata, device, non_blocking)
    else:
        entry = plain_tensor(batchdata, name, device, non_blocking, dtype=torch.float32)
    if entry.shape[:1] != (count,):
        raise DataError(
            f"entry {name!r} of the batch: expected one for each of {count} images, found {tuple(entry.shape)}"
        )
    return entry
