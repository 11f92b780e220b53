# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from ignite.engine import Engine, Events

from ..utils import DataError, process_count
from .cases import Cases
from .task import Task

__all__ = ["CollectCases"]


class CollectCases:
    """Keep every case of an evaluator with its prediction, for :py:func:`write_report`.

    A field of the task's schema that a method makes (``Field.made``) is looked for in the prediction first, a
    dictionary e.g. with ``"map"``; then, like all others, in the engine's batch (its ``output["label"]`` is whatever
    the batch was prepared to) and in its output: no prediction replaces the truth. Fields that are not required may be
    missing. Works with and without decollating. In a distributed run every process has all cases at the end; those that
    the sampler repeated to fill up are dropped, as ``subject`` and ``slice`` are known already.

    Args:
        task: names the fields.
        keys: field -> key of the prediction, batch or output, where it has another name.
        pred_key: key of the prediction in ``engine.state.output``.
        dtype: how images are kept, ``"float32"`` or ``"float16"``.

    Example::

        collect = CollectCases(AnomalyMaps(["flair"]), keys={"mask": "seg"})  # collect.attach(evaluator), or by hand:
        sample = {"image": torch.rand(1, 8, 8), "seg": torch.zeros(1, 8, 8), "subject": "a", "slice": 3}
        collect.add(sample, {"map": torch.rand(1, 8, 8)})
        len(collect.cases)  # 1
    """

    cases: Cases

    def __init__(
        self,
        task: Task,
        keys: Mapping[str, str] | None = None,
        pred_key: str = "pred",
        dtype: str = "float32",
    ) -> None:
        self.schema = task.schema
        names = ["subject", "slice", *task.schema.names]
        self.keys = {name: name for name in names} | dict(keys or {})
        self.pred_key = pred_key
        self.dtype = dtype
        self.reset()

    def attach(self, engine: Engine) -> None:
        """Start afresh with every run of ``engine``, collect after each iteration, gather at the end."""
        engine.add_event_handler(Events.STARTED, self.reset)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.COMPLETED, self.gather)

    def reset(self, engine: Engine | None = None) -> None:
        """Forget all cases."""
        self.cases = Cases(self.schema, self.dtype)

    def gather(self, engine: Engine | None = None) -> None:
        """Give every process the cases of all; nothing to do in a single one."""
        if process_count() == 1:
            return
        parts: list[Any] = [None] * process_count()
        dist.all_gather_object(parts, self.cases)
        self.reset()
        for part in parts:
            self.cases.extend(part)

    def __call__(self, engine: Engine) -> None:
        """Add the cases of the last batch."""
        for sample, prediction in _samples(engine.state.batch, engine.state.output, self.pred_key):
            self.add(sample, prediction)

    def add(self, sample: Mapping[str, Any], prediction: Mapping[str, Any]) -> None:
        """Add one case.

        Args:
            sample: its image, mask, label, names ...
            prediction: what an inferer made of it, by the names of the schema.

        Raises:
            DataError: when a field is missing or wrong, see :py:meth:`Cases.append`.
        """
        made = {field.name for field in self.schema.fields if field.made}
        places = {name: [prediction, sample] if name in made else [sample] for name in self.keys}
        found = {name: next((p[key] for p in places[name] if key in p), None) for name, key in self.keys.items()}
        scalars = {name for name in found if name in ("subject", "slice") or not self.schema[name].shape}
        values = {name: _scalar(value) if name in scalars else value for name, value in found.items()}
        groups = ([_text(values[name]) for name in group] for group in self.schema.naming)
        if naming := next((group for group in groups if any(group)), []):
            values["slice"] = " ".join(part for part in (_text(values["slice"]), *naming) if part)
        self.cases.append(**{name: value for name, value in values.items() if value is not None})


def _samples(batch: Any, output: Any, pred_key: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Fields and prediction of every case; the batch's fields override the output's."""
    pairs: Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]
    if isinstance(output, Mapping):
        predicted = _prediction(output, pred_key)
        size = len(next(iter(predicted.values())))
        nested = {**output, pred_key: predicted}
        pairs = ((_item(batch, i, size), _item(nested, i, size)) for i in range(size))
    else:
        pairs = zip(batch, output, strict=True)
    for data, out in pairs:
        yield {**out, **data}, dict(_prediction(out, pred_key))


def _prediction(output: Mapping[str, Any], pred_key: str) -> Mapping[str, Any]:
    found = output.get(pred_key)
    if not isinstance(found, Mapping) or not found:
        kind = "none" if found is None else f"a {type(found).__name__}"
        raise DataError(
            f"The evaluator's output: expected a dictionary of named results as {pred_key!r}, found {kind} among "
            f"{sorted(map(str, output))}."
        )
    return found


def _item(data: Mapping[str, Any], index: int, size: int) -> dict[str, Any]:
    """What case ``index`` has in a collated batch; values that are not collated belong to no case."""
    collated = (torch.Tensor, np.ndarray, list, tuple)
    # of a list the shape is not asked for: it may hold lists of several lengths
    found = {k: v for k, v in data.items() if isinstance(v, collated) and getattr(v, "ndim", 1) != 0}
    item = {k: v[index] for k, v in found.items() if len(v) == size}
    return item | {k: _item(v, index, size) for k, v in data.items() if isinstance(v, Mapping)}


def _text(value: Any) -> str:
    """A part of a case's name."""
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _scalar(value: Any) -> Any:
    """A number or string that may be wrapped in a tensor, an array or a list of one."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.item() if np.prod(value.shape) == 1 else value
    return value[0] if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1 else value
