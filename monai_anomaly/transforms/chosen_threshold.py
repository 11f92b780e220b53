# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..metrics.segmentation import EXPECTED_DICE, ExpectedDiceThreshold
from ..utils import DataError, differing_entries, file_digest

__all__ = ["chosen_threshold", "compared_settings"]

UNCOMPARED = ("threshold", "shown", "batch_size", "keep_samples", "with_displacement")
"""Settings of an inference that do not change its maps."""


def chosen_threshold(
    threshold_file: Path | None,
    model_file: Path | None,
    site: Any = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """The threshold that an evaluation or a calibration chose, ``value`` and ``origin``, ``rule`` where it is no number
    for all, and what is promised by it.

    Args:
        threshold_file: JSON with ``value`` and ``origin``, as the evaluation or the command ``calibrate`` writes it.
        model_file: weights that are used; a threshold that was chosen for others brings a warning, and its origin says
            so. None: not looked at.
        site: scanner or hospital of the image. Where the file has ``sites``, that of this one is taken; of a site that
            is not among them the threshold of all, with a warning. None: that of all.
        settings: of the inference; others than those of the calibration bring a warning, and nothing is promised. None:
            not looked at.

    Returns:
        None, where no file is named.

    Raises:
        DataError: when the file is not there, or not as it should be.
    """
    if threshold_file is None:
        return None
    if not threshold_file.is_file():
        raise DataError(f"{threshold_file}: expected a threshold, found no such file")
    try:
        note = json.loads(threshold_file.read_text(encoding="utf-8"))
        value, origin = float(note["value"]), str(note["origin"])
        if not math.isfinite(value):
            raise ValueError(f"value is {value}")
        if "rule" in note:
            if note["rule"] != EXPECTED_DICE:
                raise ValueError(f"rule is {note['rule']!r}")
            # a rule was not chosen for any weights
            return {"value": ExpectedDiceThreshold(value).presence, "origin": origin, "rule": EXPECTED_DICE}
        site = None if site is None else str(site)
        promised = {name: note[name] for name in ("alpha", "unit") if name in note}
        doubts = _doubts(note, site, settings)
        if site is not None and site in note.get("sites", {}):
            value = float(note["sites"][site]["value"])
            promised |= {"site": site}
        other = _of_other_weights(note, threshold_file, model_file)
        if promised and (doubts or other):
            promised = {}
            for doubt in doubts:
                warnings.warn(f"{threshold_file}: {doubt}; nothing is promised", stacklevel=2)
        origin += other
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{threshold_file}: expected JSON with 'value' and 'origin' ({error})") from error
    return {"value": value, "origin": origin, **promised}


def _doubts(note: Mapping[str, Any], site: str | None, settings: Mapping[str, Any] | None) -> list[str]:
    """Why what was promised of a calibration does not hold here."""
    doubts = []
    seen = note.get("seen", [])
    if site is not None and seen and site not in seen:
        doubts.append(f"site {site} is none of the calibration, which are {', '.join(seen)}")
    if settings is not None and "settings" in note:
        for name, then, now in differing_entries(note["settings"], compared_settings(settings), ""):
            doubts.append(f"calibrated with{name} {then}, not {now}")
    return doubts


def compared_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an inference that its maps depend on, as JSON gives them back."""
    return json.loads(json.dumps({name: value for name, value in settings.items() if name not in UNCOMPARED}))


def _of_other_weights(note: Mapping[str, Any], threshold_file: Path, model_file: Path | None) -> str:
    """A warning, and words for the note, when the threshold was chosen for other weights."""
    of = note.get("model")
    if of is None or model_file is None or not model_file.is_file() or of["sha256"] == file_digest(model_file):
        return ""
    warnings.warn(
        f"{threshold_file}: this threshold was chosen for other weights than {model_file} "
        f"({of['file']}, SHA-256 {of['sha256'][:8]}): evaluate the model, or give a threshold",
        stacklevel=2,
    )
    return " of other weights"
