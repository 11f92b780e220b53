# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The fallback's brain mask on real heads, against the masks that come with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.preprocessing import load_scan
from monai_anomaly.registration import Volume
from monai_anomaly.transforms import BrainExtraction

LPS = np.diag([-1.0, -1, 1, 1])


def read_itk(path: Path) -> np.ndarray:
    """The matrix of an ITK text file, in RAS."""
    lines = dict(line.split(": ") for line in path.read_text(encoding="utf-8").splitlines() if ": " in line)
    values, center = (np.array(lines[k].split(), float) for k in ("Parameters", "FixedParameters"))
    matrix = np.eye(4)
    matrix[:3, :3] = values[:9].reshape(3, 3)
    matrix[:3, 3] = center + values[9:] - matrix[:3, :3] @ center
    return LPS @ matrix @ LPS


@pytest.mark.parametrize(("person", "study", "contrast"), [("p01", "study1", "t1w"), ("p12", "study1", "flair")])
def test_a_real_brain_is_found(shared: Callable[[str], Path], person: str, study: str, contrast: str) -> None:
    folder = shared(f"realdata/open_ms/long_raw/{person}")
    scan_to_common = np.linalg.inv(read_itk(folder / f"{study}_flair_to_common_space.txt"))
    if contrast != "flair":
        scan_to_common = scan_to_common @ np.linalg.inv(read_itk(folder / f"{study}_{contrast}_to_flair.txt"))
    scan, common = load_scan(folder / f"{study}_{contrast}.nii.gz"), load_scan(folder / "common_brainmask.nii.gz")
    true = Volume.of(common).pulled(scan_to_common, Volume.of(scan), order=0).values > 0
    with pytest.warns(UserWarning, match="rough at its rim"):
        found = np.asarray(BrainExtraction("template")(scan)[0][0]) > 0
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.93
