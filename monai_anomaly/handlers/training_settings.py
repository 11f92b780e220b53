# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What decides a training, read from the objects that do it, so that no configuration can forget an entry."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import LRScheduler

__all__ = ["changed_settings", "object_settings", "training_settings"]

Settings = dict[str, Any]

PARTS = (
    *("network", "optimizer", "loss_function", "prepare_batch", "inferer", "n_critic", "warmup", "max_grad_norm"),
    *("g_optimizer", "d_optimizer", "g_loss_function", "d_loss_function", "d_warmup_loss_function"),
)
"""Attributes of MONAI's `SupervisedTrainer` and of `CriticTrainer` that decide what is learned."""
IGNORED = {
    # where and how fast, the precision, which may be raised after a NaN, and what is shown
    *("device", "rank", "cache_dir", "num_workers", "autocast", "amp", "progress", "logger"),
    *("fused", "foreach", "capturable", "differentiable"),
    # what changes during the training, or with its length, which may differ
    *(
        "training",
        "epoch",
        "last_epoch",
        "t_total",
        "warmup_steps",
        "total_iters",
        "lr_lambdas",
        "base_lrs",
        "initial_lr",
    ),
    # what is told elsewhere
    *("optimizer", "params", "left_out"),
    # what is installed, and the state of generators
    *("readers", "R"),
}
LONG = 64
DIGITS, BITS = 6, 20


def training_settings(trainer: Any, schedules: Sequence[LRScheduler] = ()) -> Settings:
    """The settings of a training by their places, e.g. ``optimizer.lr``, ``loss_function.beta``, ``batch_size``.

    Of every object, down to the layers of the network, it is the class and the public attributes that are numbers,
    strings, arrays, or lists and dictionaries of such; of functions the name. Classes are named without the module,
    which may change with a library, and numbers to six digits, since computed ones differ from one kind of CPU to
    another.

    Args:
        trainer: an engine of MONAI or of this package.
        schedules: of the learning rates.

    Returns:
        what ``json.dumps`` accepts, the same in every process.
    """
    settings: Settings = {}
    walk = _Walk(settings)
    for name in PARTS:
        if (part := getattr(trainer, name, None)) is not None:
            walk(name, getattr(part, "module", part) if name == "network" else part)
    loader = getattr(trainer, "data_loader", None)
    if isinstance(loader, torch.utils.data.DataLoader):
        if loader.batch_size is None:  # a sampler of whole batches decides
            walk("batch_sampler", loader.batch_sampler)
        else:
            walk("batch_size", loader.batch_size)
            walk("sampler", type(loader.sampler).__name__)
        walk("dataset", loader.dataset)
    for number, schedule in enumerate(schedules):
        walk(f"lr_scheduler.{number}", schedule)
    return settings


def object_settings(place: str, value: Any) -> Settings:
    """The settings of one object, as `training_settings` finds them at a place."""
    settings: Settings = {}
    _Walk(settings)(place, value)
    return settings


def changed_settings(before: Settings, now: Settings) -> tuple[list[str], list[str]]:
    """Where two settings differ, as ``place before -> now``: places that both have, and those that one has alone."""
    values: list[str] = []
    alone: list[str] = []
    for place in {**before, **now}:
        change = f"{place} {_shown(before, place)} -> {_shown(now, place)}"
        if place not in before or place not in now:
            alone.append(change)
        elif before[place] != now[place]:
            values.append(change)
    return values, alone


def _shown(settings: Settings, place: str) -> str:
    if place not in settings:
        return "none"
    value = settings[place]
    return value if isinstance(value, str) else json.dumps(value)


class _Walk:
    """Collect the settings of objects and of what they hold, each object once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.seen: dict[int, Any] = {}  # holds the objects: an id is one's own as long as it lives

    def __call__(self, place: str, value: Any) -> None:
        plain, content = _plain(value)
        if plain:
            self.settings[place] = content
        elif isinstance(value, (np.ndarray, torch.Tensor)):
            self._array(place, value)
        elif isinstance(value, functools.partial):
            self._items(place, {"function": value.func, "arguments": value.args, **value.keywords})
        elif isinstance(value, Mapping):
            self._items(place, value)
        elif isinstance(value, (list, tuple)):
            self._items(place, dict(enumerate(value)))
        elif id(value) not in self.seen and not isinstance(value, (Path, torch.device, torch.Generator)):
            self.seen[id(value)] = value
            self.settings[place] = type(value).__qualname__
            self._object(place, value)

    def _object(self, place: str, value: Any) -> None:
        if isinstance(value, torch.optim.Optimizer):
            groups = [{**group, "lr": group.get("initial_lr", group["lr"])} for group in value.param_groups]
            self._items(place, groups[0] if len(groups) == 1 else dict(enumerate(groups)))
            return
        self._items(place, _public(getattr(value, "__dict__", {})))
        if isinstance(value, torch.nn.Module):
            if not place.startswith("network"):  # e.g. weights of classes
                self._items(place, _public(dict(value.named_buffers(recurse=False))))
            self._items(place, dict(value.named_children()))

    def _array(self, place: str, value: np.ndarray | torch.Tensor) -> None:
        dtype, shape = str(value.dtype).removeprefix("torch."), list(value.shape)
        # a network's are what it learns, or where it keeps its results
        digest = "" if of_layers(place) else _digest_array(value)
        self.settings[place] = f"{dtype} {shape} {digest}".strip()

    def _items(self, place: str, items: Mapping[Any, Any]) -> None:
        for key, value in items.items():
            if key not in IGNORED:
                self(f"{place}.{key}", value)


def of_layers(place: str) -> bool:
    """Whether a setting is of the network, but not of the noise schedule that it holds."""
    return place.startswith("network.") and ".schedule" not in place


def _public(items: Mapping[str, Any]) -> Settings:
    return {name: value for name, value in items.items() if not name.startswith("_")}


def _plain(value: Any) -> tuple[bool, Any]:
    """Whether something is a setting by itself, and what JSON has for it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return True, str(value)
    if isinstance(value, float):
        return True, float(f"{value:.{DIGITS}g}")
    if value is None or isinstance(value, (bool, int, str)):
        return True, value
    if isinstance(value, type):
        return True, value.__qualname__
    if isinstance(value, (np.dtype, torch.dtype)):
        return True, str(value)
    if inspect.isroutine(value):
        return True, getattr(value, "__qualname__", str(value))
    if isinstance(value, (list, tuple, set, frozenset)):
        content = [_plain(v) for v in (sorted(value, key=str) if isinstance(value, (set, frozenset)) else value)]
        if all(plain for plain, _ in content):
            values = [v for _, v in content]
            return True, values if len(values) <= LONG else f"{len(values)} values {_digest(values)}"
    return False, None


def _digest_array(value: np.ndarray | torch.Tensor) -> str:
    if torch.is_tensor(value):
        value = (value.double() if value.is_floating_point() else value).detach().cpu().numpy()
    if np.issubdtype(value.dtype, np.floating):
        mantissa, exponent = np.frexp(value.astype(np.float64))
        value = np.ldexp(np.round(mantissa * 2**BITS), exponent - BITS) + 0.0  # no negative zero
    return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:8]


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:8]
