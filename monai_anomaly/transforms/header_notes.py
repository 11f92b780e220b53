# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What somebody should know about the headers of the files of a sample."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from ..utils import read_geometry

__all__ = ["warn_about_headers"]

_APART = 1.0  # mm


def warn_about_headers(paths: Sequence[Path]) -> None:
    """Warn once a sample when the two forms of a NIfTI header disagree, and when its unit is not mm."""
    headers = {path: header for path in paths if (header := read_geometry(path)) is not None}
    apart = {path: header.disagreement for path, header in headers.items() if header.disagreement > _APART}
    if apart:
        path, distance = max(apart.items(), key=lambda item: item[1])
        warnings.warn(
            f"{path}: sform and qform put a corner {distance:.3g} mm apart; the sform counts{_others(apart)}",
            stacklevel=3,
        )
    scaled = {path: header.unit for path, header in headers.items() if header.unit != 1}
    for path, unit in list(scaled.items())[:1]:
        name = "microns" if unit < 1 else "meters"
        warnings.warn(f"{path}: its header is in {name}; read as such{_others(scaled)}", stacklevel=3)


def _others(paths: dict) -> str:
    return f" (and {len(paths) - 1} more files of this case)" if len(paths) > 1 else ""
