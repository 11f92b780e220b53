# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from .datalist import SECTIONS
from .datalist_check import check_sections

__all__ = ["own_sections", "section_named"]

_SPELLINGS = {
    "training": ("training", "train", "tr", "trn"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing", "te", "ts", "holdout", "hold-out"),
}


def section_named(entry: str) -> str | None:
    """The section that an entry of a table names, e.g. ``Train`` or ``val``; None: none."""
    word = entry.strip().casefold()
    return next((section for section, known in _SPELLINGS.items() if word in known), None)


def own_sections(samples: Sequence[Mapping[str, Any]], where: str | os.PathLike) -> list[list[dict[str, Any]]]:
    """Put samples into the sections that they name in ``section``, an entry they then no longer have.

    Args:
        samples: with ``subject`` and ``section``.
        where: they come from, for the message.

    Raises:
        DataError: a patient is in the training and in the test; in two other sections it is a warning.
    """
    parts: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS}
    for sample in samples:
        parts[sample["section"]].append({key: value for key, value in sample.items() if key != "section"})
    check_sections(parts, SECTIONS, where)
    return list(parts.values())
