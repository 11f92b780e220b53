# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from ignite.engine import Engine, Events

from monai_anomaly.metrics import AnomalyCases
from monai_anomaly.utils import DataError

__all__ = ["CollectCases"]


class CollectCases:
    """Keep every slice that an evaluator translates, for :py:func:`report_evaluation`.

    The prediction is (1 + C, H, W): the anomaly map, then the healthy reconstruction; or (1, H, W), the map alone.
    Works with and without decollating; a field is looked for in the engine's batch first (its ``output["label"]`` is
    whatever the batch was prepared to). All fields but the image and the prediction may be missing. In a distributed
    run every process has all slices at the end; those that the sampler repeated to fill up are dropped, which needs
    ``subject`` or ``slice`` to tell them apart.

    Args:
        image_key: key of the image, (C, H, W).
        pred_key: key of the prediction in ``engine.state.output``.
        mask_key: key of the true lesion mask.
        twin_key: key of the healthy twin.
        label_key: key of the image label.
        score_key: key of a classifier's score.
        subject_key: key of the subject's name.
        slice_key: key of the slice index.
        dtype: how images are kept, ``"float32"`` or ``"float16"``.
    """

    def __init__(
        self,
        image_key: str = "image",
        pred_key: str = "pred",
        mask_key: str = "mask",
        twin_key: str = "twin",
        label_key: str = "label",
        score_key: str = "score",
        subject_key: str = "subject",
        slice_key: str = "slice",
        dtype: str = "float32",
    ) -> None:
        self.image_key, self.pred_key = image_key, pred_key
        self.arrays = {"mask": mask_key, "twin": twin_key}
        self.scalars = {"label": label_key, "score": score_key, "subject": subject_key, "slice": slice_key}
        self.dtype = dtype
        self.cases = AnomalyCases(dtype)

    def attach(self, engine: Engine) -> None:
        """Start afresh with every run of ``engine``, collect after each iteration, gather at the end."""
        engine.add_event_handler(Events.STARTED, self.reset)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.COMPLETED, self.gather)

    def reset(self, engine: Engine | None = None) -> None:
        """Forget all slices."""
        self.cases = AnomalyCases(self.dtype)

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
            pred = sample.get(self.pred_key)
            if pred is None:
                raise DataError(f"The evaluator's output has no {self.pred_key!r}; found {sorted(map(str, sample))}.")
            self.cases.append(
                image=sample[self.image_key],
                map=pred[:1],
                healthy=pred[1:] if len(pred) > 1 else None,
                **{name: sample[key] for name, key in self.arrays.items() if sample.get(key) is not None},
                **{name: _scalar(sample[key]) for name, key in self.scalars.items() if sample.get(key) is not None},
            )


def _samples(batch: Any, output: Any, pred_key: str) -> Iterator[dict[str, Any]]:
    """One dictionary a slice: the output's fields, overridden by the batch's, but for the prediction."""
    if isinstance(output, Mapping):
        size = len(output[pred_key])
        batch, output = ([_item(d, i, size) for i in range(size)] for d in (batch, output))
    for data, out in zip(batch, output, strict=True):
        yield {**out, **data, pred_key: out.get(pred_key)}


def _item(data: Mapping[str, Any], index: int, size: int) -> dict[str, Any]:
    """What slice ``index`` has in a collated batch; values that are not collated belong to no slice."""
    collated = (torch.Tensor, np.ndarray, list, tuple)
    return {k: v[index] for k, v in data.items() if isinstance(v, collated) and np.ndim(v) != 0 and len(v) == size}


def _scalar(value: Any) -> Any:
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.item()
    return value[0] if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1 else value
