# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..benchmarks.known_truth import bias_field_cases, capture_cases, registration_cases, round_trip_cases
from ..utils import atomic_write, provenance

__all__ = ["preprocess_check"]


def preprocess_check(
    out: str | os.PathLike, registrations: int = 20, captures: int = 8, fields: int = 4, round_trips: int = 4
) -> str:
    """Measure the preprocessing on the phantom, where the truth is known: registration, bias field, whole chain.

    Examples:
        monai-anomaly preprocess-check preprocessing.json

    Args:
        out: JSON to write, every case in it; the table goes beside it, as ``.md``.
        registrations: people to register, once in the template's shape and once in their own.
        captures: people far out of place.
        fields: people whose bias fields are removed, three contrasts each, 1 mm.
        round_trips: people who go through the whole chain and back, 1 mm.

    Returns:
        The table.
    """
    parts = {
        "registration, template's shape": (registration_cases(registrations, 0.0), registrations),
        "registration, people": (registration_cases(registrations, 1.0), registrations),
        "35 degrees and 60 mm": (capture_cases(captures), captures),
        "N4": (bias_field_cases(fields), 3 * fields),
        "whole chain": (round_trip_cases(round_trips), round_trips),
    }
    result: dict[str, Any] = {"provenance": provenance()}
    for name, (cases, count) in parts.items():
        result[name] = list(tqdm(cases, total=count, desc=name))
        with atomic_write(out) as f:
            json.dump(result, f, indent=1)
    table = _table({name: result[name] for name in parts})
    with atomic_write(Path(out).with_suffix(".md")) as f:
        f.write(table)
    return table


def _table(parts: dict[str, Sequence[dict[str, Any]]]) -> str:
    lines = ["| what | measure | mean | lowest | highest | cases |", "| --- | --- | --- | --- | --- | --- |"]
    for name, rows in parts.items():
        for key in rows[0] if rows else ():
            values = [r[key] for r in rows if isinstance(r[key], (int, float))]
            if values:
                numbers = " | ".join(f"{v:.3f}" for v in (np.mean(values), min(values), max(values)))
                lines.append(f"| {name} | {key.replace('_', ' ')} | {numbers} | {len(values)} |")
        refused = sum(bool(r.get("refused")) for r in rows)
        if refused:
            lines.append(f"| {name} | refused | | | | {refused} |")
    return "\n".join(lines) + "\n"
