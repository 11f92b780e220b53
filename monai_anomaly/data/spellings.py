# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from ..utils import listed

__all__ = ["join_spellings", "plain_name"]

_SHORTENED = re.compile(r"\d+([.,]\d+)?E\+\d+", re.IGNORECASE)


def join_spellings(samples: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Give a patient one name: that of the first sample, where others differ only in how it is written.

    Capitals, signs that are not seen, the two ways to write an umlaut, zeros in front of any number in it (``P007``,
    ``P7``) and ``.0`` behind a name that is a number (``7.0``) come from programs, not from patients. Doubt joins two
    patients rather than parts one.

    Args:
        samples: with ``subject``.

    Returns:
        the samples, and what to tell: the names that were joined, and numbers that a spreadsheet has cut short
        (``1.23E+05``), which several patients may share.
    """
    spellings: dict[str, list[str]] = {}
    for name in (str(sample["subject"]) for sample in samples):
        known = spellings.setdefault(plain_name(name), [])
        if name not in known:
            known.append(name)
    joined = [names for names in spellings.values() if len(names) > 1]
    short = [names[0] for names in spellings.values() if _SHORTENED.fullmatch(names[0])]
    notes = []
    if joined:
        shown = listed(" = ".join(map(ascii, names)) for names in joined)
        notes.append(f"names that differ only in how they are written count as one patient: {shown}")
    if short:
        notes.append(
            f"WARNING: {len(short)} name(s) of patients are numbers cut short by a spreadsheet, e.g. {short[0]}, and"
            " patients may share one: save the column as text"
        )
    return [{**s, "subject": spellings[plain_name(str(s["subject"]))][0]} for s in samples], notes


def plain_name(name: str) -> str:
    """What of the name of a patient tells it from others, see `join_spellings`."""
    seen = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) not in ("Cf", "Cc"))
    words = " ".join(seen.split()).casefold()
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"^(\d+)\.0+$", r"\1", words))
