# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import torch
from monai.utils import convert_to_tensor

from ..diffusion import NoiseSchedule, RegressionGuidance
from ..utils import DataError
from .translation_measure import TranslationMeasure, made_images, task_network

__all__ = ["MeasuredValues"]


class MeasuredValues(TranslationMeasure):
    """Add what a task network measures on the images before and after a translation: ``value_before``, ``value_after``
    (of further guides ``value_after_1``, ...), at noise level 0; of a guide with a factor or a shift also
    ``value_wanted``, what it leads to.

    (N,) for images; for volumes (N, Z), of each slice along the last axis, NaN where a slice is of one
    intensity or does not count.

    Args:
        network: has ``tasks``, name -> task network, e.g. `GuidedDiffusionNet`.
        task: name of a regressor among them, called as ``regressor(x, timesteps=t)``; or a guide that measures in its
            own way, e.g. ``AreaGuidance(task="tumor")``, whose target and scale do not matter; it may need no network.
        name: first word of the fields.
        slice_range: first and one past the last slice of a volume that count, those the network was trained on; None:
            all.

    Raises:
        DataError: in use, when the network has no such task, or the values are not finite.

    Example::

        levels = {"channels": (8, 8), "num_res_blocks": 1, "attention_levels": (False, True), "norm_num_groups": 8}
        regressor = NoiseConditionedEncoder(in_channels=1, out_channels=1, num_head_channels=8, pool="local", **levels)
        network = GuidedDiffusionNet(DiffusionModelUNet(2, 1, 1, num_head_channels=8, **levels), size=regressor)
        values = MeasuredValues(network.eval(), "size")  # values.attach(evaluator), or by hand:
        values.measure({"image": torch.rand(2, 1, 16, 16), "reconstruction": torch.rand(2, 1, 16, 16)})["value_after"]
    """

    def __init__(
        self,
        network: Any,
        task: str | RegressionGuidance = "regressor",
        name: str = "value",
        slice_range: Sequence[int] | None = None,
    ) -> None:
        self.network = network
        self.guide = RegressionGuidance(task=task, direction=1) if isinstance(task, str) else copy(task)
        self.guide.scale = 1.0  # one that is off measures nothing
        self.name = name
        self.slice_range = slice_range

    @torch.no_grad()
    def measure(self, images: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """See `TranslationMeasure`."""
        clean = convert_to_tensor(images["image"], track_meta=False)
        after = {f"{self.name}_after{end}": x for end, x in made_images(images).items()}
        found = {name: self._values(clean, x) for name, x in {f"{self.name}_before": clean, **after}.items()}
        wanted = {f"{self.name}_wanted": self._values(clean, None)} if self.guide.is_relative else {}
        return {**found, **wanted}

    def _values(self, clean: torch.Tensor, x: Any | None) -> torch.Tensor:
        """Of images x, whose brains are those of the clean ones; None: what the guide leads to."""
        made: torch.Tensor | None = None if x is None else convert_to_tensor(x, track_meta=False).to(clean)
        if clean.ndim == 4:
            return self._of_slices(clean, made)
        count = clean.shape[-1]
        slices = _as_slices(clean)
        made = None if made is None else _as_slices(made)
        low, high = slices.flatten(1).aminmax(dim=1)
        some = high > low
        index = torch.arange(len(some), device=some.device) % count
        first, stop = self.slice_range or (0, count)
        some &= (index >= first) & (index < stop)
        values = slices.new_full((len(slices),), torch.nan, dtype=torch.float32)
        if bool(some.any()):
            values[some] = self._of_slices(slices[some], None if made is None else made[some]).float()
        return values.reshape(-1, count)

    def _of_slices(self, clean: torch.Tensor, x: torch.Tensor | None) -> torch.Tensor:
        free = self.guide.direction is None and not self.guide.is_relative  # bound, it must have some target
        network = None if self.guide.task is None else task_network(self.network, self.guide.task)
        guide = self.guide.bind(network, NoiseSchedule(), image=clean, target=0.0 if free else None)
        values = guide.wanted if x is None else guide.predict(x, torch.zeros(len(x), dtype=torch.long, device=x.device))
        if not bool(values.isfinite().all()):
            broken = [i for i, ok in enumerate(values.isfinite().tolist()) if not ok]
            what = self.guide.task or self.name
            raise DataError(f"expected finite values of {what!r}, found NaN or infinity in images {broken}")
        return values


def _as_slices(x: torch.Tensor) -> torch.Tensor:
    """Slices (N Z, C, X, Y) of volumes (N, C, X, Y, Z)."""
    return x.movedim(-1, 1).flatten(0, 1)
