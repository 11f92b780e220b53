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
from ..utils import DataError, file_digest

__all__ = ["chosen_threshold"]


def chosen_threshold(threshold_file: Path | None, model_file: Path | None) -> dict[str, Any] | None:
    """The threshold that an evaluation chose, ``value`` and ``origin``, and ``rule``, where it is no number for all.

    Args:
        threshold_file: JSON with ``value`` and ``origin``, as the evaluation writes it.
        model_file: weights that are used; a threshold that was chosen for others brings a warning, and its origin says
            so. None: not looked at.

    Returns:
        None, where there is no such file.

    Raises:
        DataError: when the file is not as it should be.
    """
    if threshold_file is None or not threshold_file.is_file():
        return None
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
        origin += _of_other_weights(note, threshold_file, model_file)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{threshold_file}: expected JSON with 'value' and 'origin' ({error})") from error
    return {"value": value, "origin": origin}


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
