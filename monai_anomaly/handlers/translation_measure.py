# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

from ..utils import DataError

__all__ = ["TranslationMeasure"]

MADE = "reconstruction"


class TranslationMeasure(ABC):
    """Base of what measures images before and after a translation, and adds that to an evaluator's output.

    A subclass defines :py:meth:`measure`. `CollectCases` finds its fields, and a `CaseWriter` can write them.
    """

    def attach(self, engine: Engine) -> None:
        """Measure every batch as soon as it is translated."""
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Engine) -> None:
        """Measure the engine's images, translated images and, where the batch has them, true counterfactuals."""
        output: Any = engine.state.output
        batch: Any = engine.state.batch or {}
        target = {"target": batch["target"]} if "target" in batch else {}
        output.update(self.measure({**target, **output["pred"], "image": output["image"]}))

    @abstractmethod
    def measure(self, images: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """The fields of a batch.

        Args:
            images: ``image``, ``reconstruction`` (of further guides ``reconstruction_1``, ...) and perhaps ``target``,
                (N, C, H, W) or (N, C, X, Y, Z), among other results, which do not matter.
        """


def made_images(images: Mapping[str, Any]) -> dict[str, Any]:
    """The translated images by the end of their name: "", "_1", ..."""
    return {name.removeprefix(MADE): x for name, x in images.items() if name.startswith(MADE)}


def task_network(network: Any, task: str) -> Any:
    """A task network by name.

    Args:
        network: has ``tasks``, name -> task network, e.g. `GuidedDiffusionNet`, perhaps in `DistributedDataParallel`.
        task: the name.

    Raises:
        DataError: when there is no such task.
    """
    tasks = getattr(network, "module", network).tasks
    if task not in tasks:
        raise DataError(f"expected a network with the task {task!r}, found the tasks {list(tasks)}")
    return tasks[task]
