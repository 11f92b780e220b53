# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What a training is made of, kept with its state and its weights, and compared when it is started again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import ConcatDataset, Subset

from ..utils import provenance
from .training_settings import changed_settings, of_layers, training_settings

__all__ = ["about_training", "brief", "changes"]

CODE = ("monai_anomaly", "monai", "torch")


def about_training(
    trainer: Any, evaluator: Any, schedules: Sequence[LRScheduler], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What a training is made of.

    Args:
        trainer: an engine that starts.
        evaluator: of the validation; None: none.
        schedules: of the learning rates.
        settings: more settings, by name.

    Returns:
        ``date``, ``git_revision``, ``versions``; ``pretrained`` (the file it starts from, or None); ``data``: section
        -> its `SliceDataset.summary`; ``settings``, see `training_settings`; ``changes``: what was changed on the way.
    """
    origin = provenance()
    sections = {"training": trainer, "validation": evaluator}
    about = {
        **{key: origin[key] for key in ("date", "git_revision", "versions")},
        "pretrained": getattr(trainer.state, "pretrained", None),
        "data": {name: data for name, engine in sections.items() if (data := _data(engine))},
        "settings": {**settings, **training_settings(trainer, schedules)},
        "changes": [],
    }
    # plain types only: torch's version is a class of its own, which a checkpoint must not hold
    return json.loads(json.dumps(about, default=str))


def brief(about: Mapping[str, Any]) -> dict[str, Any]:
    """The same without the layers of the networks, for people to read."""
    settings = {place: value for place, value in about["settings"].items() if not of_layers(place)}
    return {**about, "settings": settings}


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What two descriptions of a training differ in.

    Args:
        before: as `about_training` returns it.
        now: the same.

    Returns:
        what makes another training of it; and what does not: the code's versions, and, if these differ, settings that
        only one side has, since another version of a library has an attribute more or less.
    """
    names = {**before["data"], **now["data"]}
    data = [(name, _brief_data(before, name), _brief_data(now, name)) for name in names]
    differing = [f"{name} data {then} -> {there}" for name, then, there in data if then != there]
    settings, alone = changed_settings(before["settings"], now["settings"])
    code = [f"{name} {then} -> {there}" for name, then, there in _versions(before, now) if then != there]
    if not code:
        settings += alone
    # what users name first
    decisive = (
        [change for change in settings if "." not in change.split()[0]]
        + differing
        + [change for change in settings if "." in change.split()[0]]
    )
    return decisive, code + alone if code else []


def _versions(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in CODE:
        yield name, before["versions"].get(name), now["versions"].get(name)
    yield "git", before["git_revision"], now["git_revision"]


def _brief_data(about: Mapping[str, Any], section: str) -> str:
    data = about["data"].get(section)
    if data is None:
        return "unknown"
    return f"{data['samples']} sample(s) of {data['subjects']} subject(s), fingerprint {data['fingerprint'][:8]}"


def _data(engine: Any) -> dict[str, Any] | None:
    """The summary of the slices behind an engine's loader, if they have one."""
    loader = getattr(engine, "data_loader", None)
    found = (getattr(dataset, "summary", None) for dataset in _inside(getattr(loader, "dataset", None)))
    return next((summary for summary in found if summary), None)


def _inside(dataset: Any) -> Iterator[Any]:
    """What selections and repetitions are taken from."""
    yield dataset
    for inner in (
        [dataset.dataset]
        if isinstance(dataset, Subset)
        else (dataset.datasets if isinstance(dataset, ConcatDataset) else [])
    ):
        yield from _inside(inner)
