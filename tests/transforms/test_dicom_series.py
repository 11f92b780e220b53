# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.transforms import LoadModalities
from monai_anomaly.utils import DataError

from .dicom_files import AXIAL, VALUES, write_dicom

TILT = np.tan(np.radians(15))


@pytest.mark.parametrize("kind", ["plain", "shuffled", "downward", "jitter"])
def test_a_whole_series_lies_where_its_positions_say(tmp_path: Path, kind: str) -> None:
    order, sign = np.random.default_rng(1).permutation(20), -1 if kind == "downward" else 1
    jitter = np.random.default_rng(2).uniform(-0.04, 0.04, 20) * (kind == "jitter")
    write_dicom(
        tmp_path / "a",
        position=lambda k: (5, 6, sign * 4 * k + jitter[k]),
        name=lambda k: f"{order[k] if kind == 'shuffled' else k:03d}",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        image = LoadModalities()(tmp_path / "a")
    np.testing.assert_array_equal(image[0].numpy(), VALUES[:, :, ::sign])
    for k in (0, 7, 19):  # the first voxel of a slice, RAS
        found = image.affine.numpy() @ [0, 0, k if sign > 0 else 19 - k, 1]
        np.testing.assert_allclose(found[:3], (-5, -6, sign * 4 * k), atol=0.1)


def test_a_tilted_gantry_shears_the_affine_and_is_told(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a", position=lambda k: (0, 4 * k * TILT, 4 * k))
    with pytest.warns(UserWarning, match=r"a: the slices are tilted by 15\.0 degrees"):
        image = LoadModalities()(tmp_path / "a")
    np.testing.assert_array_equal(image[0].numpy(), VALUES)
    expected = [[-2, 0, 0, 0], [0, -3, -4 * TILT, 0], [0, 0, 4, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(image.affine, expected, atol=1e-3)


WRONG = {
    "missing": r"found 3 missing: 12 mm behind 004\.dcm where 4 mm are usual",
    "unequal": r"found 1 of 19 gaps of another size: 5\.5 mm behind 010\.dcm where 4 mm",
    "copy": r"expected one slice at each position, found 1 more, 007.*\.dcm where 007.*\.dcm lies",
    "echoes": r"expected one slice at each position, found 20 more",
    "two": r"expected one DICOM series, found 2 \(20 files with .*, 20 files with ",
    "beside": r"expected slices along a line, found 009\.dcm 8 mm beside it",
    "views": r"expected parallel slices, found .* one in 003\.dcm",
    "empty": r"expected a folder with a DICOM series, found none",
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_not_one_volume_is_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "a"
    if kind == "missing":
        write_dicom(folder, [k for k in range(20) if k not in (5, 6, 11)])
    elif kind == "unequal":
        write_dicom(folder, position=lambda k: (0, 0, 4 * k + 1.5 * (k > 10)))
    elif kind == "beside":
        write_dicom(folder, position=lambda k: (0, 8 * (k == 9), 4 * k))
    elif kind == "views":
        write_dicom(folder, orientation=lambda k: (1, 0, 0, 0, 0, 1) if k == 3 else AXIAL)
    elif kind == "empty":
        folder.mkdir()
        (folder / "readme.txt").write_text("no DICOM")
    else:
        write_dicom(folder)
    if kind == "copy":
        shutil.copy(folder / "007.dcm", folder / "007 copy.dcm")
    elif kind in ("echoes", "two"):
        write_dicom(folder, name=lambda k: f"b{k}", series="1.2.9" if kind == "two" else "1.2.3.2")
    with pytest.raises(DataError, match=f"{folder}: .*{WRONG[kind]}"):
        LoadModalities()(folder)
