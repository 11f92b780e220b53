# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from .errors import DataError

__all__ = ["mni152_file"]

_FILE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"


def mni152_file(kind: str) -> Path:
    """A map of the MNI152 template (ICBM 2009a symmetric, 1 mm) in the installed nilearn, found without importing it.

    Args:
        kind: ``"t1"`` (without skull), ``"gm"`` or ``"wm"``.

    Raises:
        DataError: nilearn is not installed, or holds other files than expected.
    """
    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise DataError("the MNI152 maps come with nilearn, which is not installed: pip install nilearn")
    file = Path(spec.origin).parent / "datasets" / "data" / _FILE.format(kind)
    if not file.is_file():
        raise DataError(f"{file.parent}: expected the MNI152 maps of nilearn >= 0.11, found no {file.name}")
    return file
