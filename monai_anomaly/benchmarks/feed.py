# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from monai.bundle import ConfigParser
from monai.data import list_data_collate

__all__ = ["FEED_IDS", "Feed"]

FEED_IDS = ("benchmark::prepare_batch", "benchmark::measures")


@dataclass(frozen=True)
class Feed:
    """What a benchmark gives an inferer beside the images, and what it measures of the results.

    Args:
        prepare_batch: as an evaluator has it, e.g. `TranslationPrepareBatch`; None: the images alone.
        measures: that add fields to the results, see `TranslationMeasure`.
    """

    prepare_batch: Any = None
    measures: Sequence[Any] = ()

    @classmethod
    def of(cls, parser: ConfigParser) -> Feed:
        """That of a configuration."""
        prepare, measures = (parser.get_parsed_content(i) if i in parser else None for i in FEED_IDS)
        return cls(prepare, measures or ())

    def inputs(self, batch: Sequence[Mapping[str, Any]], device: torch.device) -> tuple[torch.Tensor, dict[str, Any]]:
        """Images (N, C, ...) of samples, and further arguments of the inferer."""
        images = _stack(batch, "image", device)
        if self.prepare_batch is None:
            return images, {}
        *_, arguments = self.prepare_batch(list_data_collate([dict(sample) for sample in batch]), device)
        return images, arguments

    def measured(
        self, batch: Sequence[Mapping[str, Any]], images: torch.Tensor, found: dict[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """The results of a batch with what is measured of them."""
        target = {"target": _stack(batch, "target", images.device)} if all("target" in s for s in batch) else {}
        for measure in self.measures:
            found = {**found, **measure.measure({**target, **found, "image": images})}
        return {name: values.cpu() for name, values in found.items()}


def _stack(batch: Sequence[Mapping[str, Any]], key: str, device: torch.device) -> torch.Tensor:
    return torch.stack([torch.as_tensor(sample[key]) for sample in batch]).to(device)
