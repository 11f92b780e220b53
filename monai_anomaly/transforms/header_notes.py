# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What somebody should know about the headers of the files of a sample."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from ..utils import UNITS, NiftiGeometry, listed

__all__ = ["warn_about_headers"]

_APART = 1.0  # mm


def warn_about_headers(headers: Mapping[Path, NiftiGeometry]) -> None:
    """Warn once per sample when the two forms of a NIfTI header disagree, and when its unit is not mm.

    Args:
        headers: of the files of the sample.
    """
    apart = {path: header.disagreement for path, header in headers.items() if header.disagreement > _APART}
    if apart:
        first = sorted(apart, key=lambda path: apart[path], reverse=True)
        warnings.warn(
            f"{listed(first, 1)}: sform and qform put a corner {apart[first[0]]:.3g} mm apart; the sform counts",
            stacklevel=3,
        )
    if scaled := [path for path, header in headers.items() if header.unit != 1]:
        warnings.warn(
            f"{listed(scaled, 1)}: the header is in {UNITS[headers[scaled[0]].unit]}; read as such", stacklevel=3
        )
