# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What one setting of an inferer brings, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from monai.bundle import ConfigParser
from tqdm import tqdm

from ..evaluation import Cases, CollectCases, Task, evaluate_cases
from ..evaluation.task import ALL, column_name
from .counting import CountCalls
from .feed import Feed
from .setup import make_inferer, trained_network

__all__ = ["inference_step", "run_settings"]

Samples = Any
"""A map-style data set of dictionaries."""


def run_settings(
    checkpoint: str, parser: ConfigParser, sets: Mapping[str, Samples], settings: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Run some settings of a configuration's inferer on the same cases with the same weights.

    Args:
        checkpoint: weights.
        parser: configuration.
        sets: ``"test"`` and perhaps ``"validation"`` -> samples.
        settings: their names.

    Yields:
        Name of a setting, and ``parts`` (part -> ``scores``: score -> value, and ``cases``: score that is compared ->
        its value of every case), ``evaluations`` (counted network -> per case) and ``seconds`` per case, the inferer's
        alone.

    Raises:
        ValueError: when a network that is to be counted does not exist.
    """
    inferers = {name: make_inferer(parser, name) for name in settings}
    if not inferers:
        return
    task, network = parser.get_parsed_content("task"), trained_network(checkpoint, parser)
    count = parser["benchmark"].get("count") or []
    known = dict(network.named_modules())
    if unknown := [name for name in count if name not in known]:
        raise ValueError(f"benchmark#count must name parts of the network, {list(network._modules)}, got {unknown}")
    first = next(iter(inferers.values()))
    feed = Feed.of(parser)
    images, arguments = feed.inputs([sets["test"][0]], _device(network))
    inference_step(first)(images, network, **arguments)  # a first call is slower
    for name, inferer in tqdm(inferers.items(), desc=checkpoint):
        with ExitStack() as stack:
            calls = {part: stack.enter_context(CountCalls(known[part])) for part in count}
            runs = {part: _collect(task, inferer, network, samples, feed) for part, samples in sets.items()}
        total = sum(len(cases) for cases, _ in runs.values())
        cases = {part: cases for part, (cases, _) in runs.items()}
        yield (
            name,
            {
                "parts": _scores(task, cases["test"], cases.get("validation")),
                "evaluations": {part: counter.samples / total for part, counter in calls.items()},
                "seconds": sum(seconds for _, seconds in runs.values()) / total,
            },
        )


def inference_step(inferer: Any) -> Callable[..., Any]:
    """``(images, network, ...)`` -> the step that an inferer takes many of, or, where it has no such, its result."""
    return torch.no_grad()(getattr(inferer, "one_step", inferer))


def _collect(task: Task, inferer: Any, network: Any, samples: Samples, feed: Feed) -> tuple[Cases, float]:
    """The cases of a set, a batch at a time, and the seconds that the inferer took for them."""
    collect, step, seconds = CollectCases(task), getattr(inferer, "slices_at_a_time", 1), 0.0
    for start in range(0, len(samples), step):
        batch = [samples[i] for i in range(start, min(start + step, len(samples)))]
        images, arguments = feed.inputs(batch, _device(network))
        begin = time.perf_counter()
        with torch.no_grad():
            found = {
                name: values.cpu() for name, values in inferer(images, network, **arguments).items()
            }  # waits for the device
        seconds += time.perf_counter() - begin
        found = feed.measured(batch, images, found)
        for i, sample in enumerate(batch):
            collect.add(sample, {name: values[i] for name, values in found.items()})
    return collect.cases, seconds


def _device(network: Any) -> torch.device:
    """Where a network is."""
    device: torch.device = next(network.parameters()).device
    return device


def _scores(task: Task, test: Cases, validation: Cases | None) -> dict[str, Any]:
    report = evaluate_cases(task, test, validation, baselines=False, resamples=0)
    parts = {}
    for name, part in report["parts"].items():
        own, *variants = part["methods"]
        rows: dict[str | None, Any] = {None: part["methods"][own], **{v: part["methods"][v] for v in variants}}
        scores: dict[str, Any] = {}
        columns: dict[str, list] = {}
        for method, entries in rows.items():
            scores |= {column_name(score, ALL, method): entry["value"] for score, entry in entries.items()}
            paired = {score: column_name(score, name, method) for score in task.paired if score in entries}
            columns |= {
                column_name(score, ALL, method): [_rounded(row[column]) for row in report["cases"]]
                for score, column in paired.items()
            }
        parts[name] = {"scores": scores, "cases": columns}
    return parts


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
