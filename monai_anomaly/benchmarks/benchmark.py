# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from ..utils import atomic_write, write_json
from .feed import FEED_IDS
from .record import agree, open_record, used_config
from .run import run_settings
from .setup import about_checkpoint, case_names, chosen_settings, pick_cases, read_config, setting_id
from .table import benchmark_table, differences_to_the_first

__all__ = ["benchmark"]

SETS = {"validation": "validate#dataset", "test": "evaluate#test_dataset"}


def benchmark(
    checkpoints: str | Sequence[str] | Mapping[str, Mapping[str, Any]],
    out: str | os.PathLike,
    config: str | Sequence[str] = (
        "bundles/diffanomaly/configs/train.json",
        "bundles/diffanomaly/configs/benchmark.json",
    ),
    test_cases: int | None = None,
    validation_cases: int | None = None,
    only: str | Sequence[str] | None = None,
    **overrides: Any,
) -> str:
    """Quality of a method against network evaluations: each setting of its inferer on the same cases, with the same
    weights and seeds, for several trainings.

    The configuration has the ``task``, the ``inferer``, the ``network``, the data sets ``validate#dataset`` and
    ``evaluate#test_dataset``, and ``benchmark``: ``settings``, name -> arguments of the inferer; ``count``, the parts
    of the network whose evaluations are counted; ``scores``, those of the table; ``test_cases`` and
    ``validation_cases``; and perhaps ``prepare_batch``, as an evaluator has it, whose further arguments go to the
    inferer, and ``measures``, a list of `TranslationMeasure`, whose fields go to the cases. A setting that is done
    already is taken from ``out``, so that an interrupted benchmark continues.

    Examples:
        monai-anomaly benchmark bundles/diffanomaly/trained/model.pt benchmark.json --test_cases 24

    Args:
        checkpoints: ``model.pt`` of one or more trainings, e.g. of different seeds; or, where each was trained with
            overrides of its own, a mapping from ``model.pt`` to those, e.g. ``{"seed1/model.pt": {"seed": 1}}``.
        out: JSON to write; the table goes beside it, as ``.md``.
        config: the training configuration(s) the checkpoints belong to, and the bundle's ``benchmark.json``.
        test_cases: how many cases, two thirds of them diseased, are scored; None: as the configuration says, else all.
        validation_cases: how many choose thresholds for each setting and checkpoint; 0: none, for tasks without a
            threshold; None: as the configuration says, else all.
        only: names (or parts of names) of the settings to run, in the order of the table; None: all. The first is what
            the others are compared to.
        **overrides: of the configuration, for all checkpoints, e.g. ``dataset_dir`` or ``inferer#num_samples``.

    Returns:
        The table.

    Raises:
        DataError: when the configuration lacks an entry, or ``out`` is of an older version, or was made with other
            cases, weights, settings, device or configuration.
        ValueError: when ``only`` means no setting, or a count of cases is less than 1.
    """
    path, given = Path(out), {"validation": validation_cases, "test": test_cases}
    own = _own_overrides(checkpoints)
    # all checkpoints first: what is wrong with the last one should not show after hours
    parsers = {name: read_config(config, {**overrides, **more}) for name, more in own.items()}
    plan = next(iter(parsers.values()))["benchmark"]
    names = chosen_settings(plan["settings"], only)
    counts = {part: plan.get(f"{part}_cases") if count is None else count for part, count in given.items()}
    sets = {part: place for part, place in SETS.items() if part == "test" or counts[part] != 0}
    result = open_record(path)
    for part, count in counts.items():
        agree(path, result["counts"], f"{part} cases", count)
    for name, parser in parsers.items():
        used = ("task", "inferer", "network", *sets.values(), *(i for i in FEED_IDS if i in parser))
        agree(path, result["checkpoints"], name, about_checkpoint(name, parser, used))
        for setting in names:
            agree(path, result["settings"], setting, used_config(parser, [setting_id(setting)]))
    chosen: dict[str, dict[str, Any]] = {}
    identities: dict[str, dict[str, Any]] = {}
    for name, parser in parsers.items():
        if (key := _data_key(parser, sets.values())) not in chosen:
            chosen[key] = {p: pick_cases(parser.get_parsed_content(i), counts[p]) for p, i in sets.items()}
            identities[key] = {part: case_names(cases) for part, cases in chosen[key].items()}
        for part, identity in identities[key].items():
            agree(path, result["cases"], part, identity, of=f"{name} ")
    for name, parser in parsers.items():
        rows = result["rows"].setdefault(name, {})
        missing = [setting for setting in names if setting not in rows]
        for setting, row in run_settings(name, parser, chosen[_data_key(parser, sets.values())], missing):
            rows[setting] = row
            write_json(path, result)
    result["differences"] = differences_to_the_first(result["rows"], names, result["cases"]["test"]["subject"])
    write_json(path, result)
    table = benchmark_table(result, names, plan["scores"])
    with atomic_write(path.with_suffix(".md")) as f:
        f.write(table)
    return table


def _own_overrides(checkpoints: str | Sequence[str] | Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    if isinstance(checkpoints, Mapping):
        return {str(name): dict(own or {}) for name, own in checkpoints.items()}
    return {str(name): {} for name in ([checkpoints] if isinstance(checkpoints, str) else checkpoints)}


def _data_key(parser: ConfigParser, ids: Iterable[str]) -> str:
    """Equal for configurations that lead to the same cases, which are then read once."""
    return json.dumps(used_config(parser, ids), sort_keys=True, default=str)
