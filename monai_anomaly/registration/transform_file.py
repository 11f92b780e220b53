# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import RAS_TO_LPS, DataError, NiftiGeometry, atomic_write

__all__ = ["SpaceTransform", "load_transform", "save_transform"]


@dataclass(frozen=True)
class SpaceTransform:
    """How a scan lies to the template, with all it takes to bring a map back to the scan.

    Attributes:
        matrix: (4, 4), points of the template to points of the scan, in mm, RAS.
        template: name of the template.
        template_sha256: of its file.
        native_shape: (3,), voxels of the scan.
        native_affine: (4, 4), voxel to mm of the scan, RAS.
        quality: measures of the registration.
        native_header: what the header of the scan says about its place; None of other files than NIfTI.
    """

    matrix: list[list[float]]
    template: str
    template_sha256: str
    native_shape: list[int]
    native_affine: list[list[float]]
    quality: dict[str, Any] = field(default_factory=dict)
    native_header: dict[str, Any] | None = None

    @property
    def native_geometry(self) -> NiftiGeometry | None:
        """The header of the scan, for results on its grid."""
        return None if self.native_header is None else NiftiGeometry(**self.native_header)


def save_transform(path: str | os.PathLike, transform: SpaceTransform) -> None:
    """Write a transform as JSON, and beside it as an ITK text file (``.tfm``, LPS) for other tools."""
    path = Path(path)
    content = {"direction": "template to scan, mm, RAS", **asdict(transform)}
    lps = RAS_TO_LPS @ np.asarray(transform.matrix) @ RAS_TO_LPS  # the convention of ITK
    numbers = " ".join(repr(float(v)) for v in [*lps[:3, :3].ravel(), *lps[:3, 3]])
    with atomic_write(path.with_suffix(".tfm")) as f:
        f.write("#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n")
        f.write(f"Parameters: {numbers}\nFixedParameters: 0 0 0\n")
    with atomic_write(path) as f:
        json.dump(content, f, indent=2)


def load_transform(path: str | os.PathLike) -> SpaceTransform:
    """Read the JSON of `save_transform`.

    Raises:
        DataError: there is no such file, or it is no transform.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        transform = SpaceTransform(**{k: content[k] for k in SpaceTransform.__dataclass_fields__})
        shapes = np.asarray(transform.matrix, float).shape, np.asarray(transform.native_affine, float).shape
        if shapes != ((4, 4), (4, 4)) or len(transform.native_shape) != 3:
            raise ValueError(f"matrices of the shapes {shapes[0]} and {shapes[1]}")
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected the JSON of a transform, found no such file") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected the JSON of a transform, found {type(error).__name__}: {error}") from error
    return transform
