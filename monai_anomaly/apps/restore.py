# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

import numpy as np

from ..preprocessing import to_native
from ..registration import load_transform
from ..transforms import LoadModalities
from ..utils import are_labels, label_type, write_nifti

__all__ = ["restore"]


def restore(image: str | os.PathLike, transform: str | os.PathLike, out: str | os.PathLike, mode: str = "auto") -> None:
    """Bring a map or mask from the space of the template back to the grid of the scan it came from.

    Examples:
        monai-anomaly restore map.nii.gz out/case/to_template.json map_native.nii.gz

    Args:
        image: NIfTI in the space of the template, on any grid, perhaps with channels.
        transform: ``to_template.json`` of the case.
        out: NIfTI to write.
        mode: ``"bilinear"``, ``"nearest"``, or ``"auto"``: nearest for labels (up to 256 whole numbers).

    Raises:
        DataError: a file cannot be read.
    """
    loaded = LoadModalities()(image)
    if mode == "auto":
        mode = "nearest" if are_labels(np.asarray(loaded)) else "bilinear"
    way_back = load_transform(transform)
    native = to_native(loaded, way_back, mode)
    values = np.asarray(native)
    values = values.astype(label_type(values) if mode == "nearest" else np.float32)
    values = values[0] if len(values) == 1 else np.moveaxis(values, 0, -1)
    write_nifti(out, values, np.asarray(native.affine, dtype=float), way_back.native_geometry)
    print(f"{out}: {mode}, {values.shape}")
