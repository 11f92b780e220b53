# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What a scaled image says of its scaling: how wide the range was, and whether its intensities are suspicious."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

__all__ = ["INTENSITY_WIDTH", "SATURATED", "SCALING_WARNING", "ScalingWarning", "scaling_note", "summarize_scaling"]

INTENSITY_WIDTH = "intensity_width"
"""Of each channel, in its own units, what became the whole range: (C,); a difference is scaled back by it."""

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
