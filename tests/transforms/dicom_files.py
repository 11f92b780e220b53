# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A DICOM series, written by GDCM, whole or with what goes wrong with series."""

from __future__ import annotations

import locale
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

VALUES = np.random.default_rng(0).integers(0, 500, (30, 40, 20)).astype(np.int16)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def write_dicom(
    folder: Path,
    slices: Iterable[int] = range(VALUES.shape[2]),
    position: Callable[[int], Sequence[float]] = lambda k: (0, 0, 4 * k),
    name: Callable[[int], str] = lambda k: f"{k:03d}",
    series: str = "1.2.3.2",
    orientation: Callable[[int], Sequence[float]] = lambda k: AXIAL,
) -> Path:
    """An axial series of 2 x 3 x 4 mm."""
    itk = pytest.importorskip("itk")
    folder.mkdir(exist_ok=True)
    before = locale.setlocale(locale.LC_ALL)  # GDCM's writer leaves another, by which Python reads no UTF-8
    for k in slices:
        image = itk.image_from_array(np.ascontiguousarray(VALUES[:, :, k].T[None]))
        image.SetSpacing([2.0, 3.0, 4.0])
        image.SetOrigin([float(p) for p in position(k)])
        tags = {"0008|0060": "MR", "0020|000d": "1.2.3.1", "0020|000e": series, "0008|0018": f"{series}.{name(k)}"}
        tags |= {"0020|0032": "\\".join(f"{p:g}" for p in position(k)), "0020|0013": str(k + 1)}
        tags["0020|0037"] = "\\".join(f"{v:g}" for v in orientation(k))
        for tag, value in tags.items():
            image.GetMetaDataDictionary()[tag] = value
        writer = itk.ImageFileWriter[type(image)].New()
        gdcm = itk.GDCMImageIO.New()
        gdcm.KeepOriginalUIDOn()
        writer.SetImageIO(gdcm)
        writer.SetInput(image)
        writer.SetFileName(str(folder / f"{name(k)}.dcm"))
        writer.Update()
    locale.setlocale(locale.LC_ALL, before)
    return folder
