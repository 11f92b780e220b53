# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""How a scaled image says that its intensities are suspicious: a warning, and two entries of its metadata."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

__all__ = ["SATURATED", "SCALING_WARNING", "ScalingWarning", "scaling_note", "summarize_scaling"]

SCALING_WARNING = "scaling_warning"
"""What is suspicious about a scaled image; an empty text where nothing is."""

SATURATED = "saturated"
"""The largest share of a channel's foreground that lies at an end of the range."""


class ScalingWarning(UserWarning):
    """An image whose scaled intensities are suspicious; the message names the file and the number."""


def scaling_note(image: Any) -> tuple[str, float]:
    """What the metadata of a scaled image say: the warning, perhaps empty, and the share that is saturated."""
    meta = getattr(image, "meta", {})
    return str(meta.get(SCALING_WARNING, "")), float(meta.get(SATURATED, 0.0))


def summarize_scaling(notes: Sequence[tuple[str, float]]) -> None:
    """Warn once of the suspicious images of a set: how many they are, and what the worst of them is."""
    strange = [note for note in notes if note[0]]
    if strange:
        worst, _ = max(strange, key=lambda note: note[1])
        warnings.warn(
            ScalingWarning(f"{len(strange)} of {len(notes)} images are scaled to suspicious intensities; {worst}"),
            stacklevel=3,
        )
