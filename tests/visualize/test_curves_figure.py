# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.metrics import evaluate_segmentation
from monai_anomaly.visualize import curves_figure
from tests.metrics.segmentation.blobs import make_blobs


@pytest.mark.parametrize(
    ("options", "width"), [({}, 1600), ({"regions": 3}, 1600), ({"keep": False}, 1067), ({"n": 1}, 1600)]
)
def test_diagrams(tmp_path: Path, options: dict, width: int) -> None:
    cases = make_blobs(**options)
    names = [f"r{k}" for k in range(cases.num_regions)]
    report = evaluate_segmentation(None, cases, names, ["t1", "flair"], resamples=50)
    curves_figure(tmp_path / "curves.png", report, {"s0 41": np.linspace(0.5, 0.9, 5)}, "title")
    with Image.open(tmp_path / "curves.png") as image:
        assert abs(image.width - width) <= 1 and np.asarray(image.convert("L")).std() > 5
