# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from ignite.engine import Engine, Events

from ..metrics.slice_cases import SliceCases
from ..utils import DataError

__all__ = ["CollectSlices", "plain_scalar"]

Cases = TypeVar("Cases", bound=SliceCases)


class CollectSlices(ABC, Generic[Cases]):
    """Base of handlers that keep every slice of an evaluator with its prediction, ready to be scored.

    Works with and without decollating; a field is looked for in the engine's batch first (its ``output["label"]`` is
    whatever the batch was prepared to). In a distributed run every process has all slices at the end; those that the
    sampler repeated to fill up are dropped, which needs ``subject`` or ``slice`` to tell them apart.

    Args:
        pred_key: key of the prediction in ``engine.state.output``.
        dtype: how images are kept, ``"float32"`` or ``"float16"``.
    """

    cases: Cases

    def __init__(self, pred_key: str, dtype: str) -> None:
        self.pred_key = pred_key
        self.dtype = dtype
        self.reset()

    @abstractmethod
    def new_cases(self) -> Cases:
        """A set without slices."""

    @abstractmethod
    def collect(self, sample: Mapping[str, Any]) -> None:
        """Add one slice, what the batch and the output hold of it, to ``self.cases``."""

    def attach(self, engine: Engine) -> None:
        """Start afresh with every run of ``engine``, collect after each iteration, gather at the end."""
        engine.add_event_handler(Events.STARTED, self.reset)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.COMPLETED, self.gather)

    def reset(self, engine: Engine | None = None) -> None:
        """Forget all slices."""
        self.cases = self.new_cases()

    def gather(self, engine: Engine | None = None) -> None:
        """Give every process the slices of all; nothing to do in a single one."""
        if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return
        parts: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(parts, self.cases)
        self.reset()
        for part in parts:
            self.cases.extend(part)

    def __call__(self, engine: Engine) -> None:
        for sample in _samples(engine.state.batch, engine.state.output, self.pred_key):
            if sample.get(self.pred_key) is None:
                raise DataError(f"The evaluator's output has no {self.pred_key!r}; found {sorted(map(str, sample))}.")
            self.collect(sample)


def _samples(batch: Any, output: Any, pred_key: str) -> Iterator[dict[str, Any]]:
    """One dictionary a slice: the output's fields, overridden by the batch's, but for the prediction."""
    if isinstance(output, Mapping):
        pred = output[pred_key]
        size = len(next(iter(pred.values())))
        batch, output, pred = ([_item(d, i, size) for i in range(size)] for d in (batch, output, pred))
        output = [{**out, pred_key: fields} for out, fields in zip(output, pred, strict=True)]
    for data, out in zip(batch, output, strict=True):
        yield {**out, **data, pred_key: out.get(pred_key)}


def _item(data: Mapping[str, Any], index: int, size: int) -> dict[str, Any]:
    """What slice ``index`` has in a collated batch; values that are not collated belong to no slice."""
    collated = (torch.Tensor, np.ndarray, list, tuple)
    return {k: v[index] for k, v in data.items() if isinstance(v, collated) and np.ndim(v) != 0 and len(v) == size}


def plain_scalar(value: Any) -> Any:
    """A number or string that may be wrapped in a tensor, an array or a list of one."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.item()
    return value[0] if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1 else value
