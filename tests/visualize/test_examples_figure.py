# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.metrics import SegmentationCases
from monai_anomaly.visualize import examples_figure
from monai_anomaly.visualize.examples_figure import pick_examples, uncertainty_images
from tests.metrics.segmentation.blobs import make_blobs


def test_picked_slices_span_the_sizes_of_the_region() -> None:
    cases = make_blobs(regions=2)
    sizes = cases.lesion_pixels[pick_examples(cases, region=1, rows=4), 1]
    assert len(sizes) == 4 and sizes[0] == cases.lesion_pixels[:, 1].max() and sizes[-1] == 0


def test_one_prediction_has_entropy_and_an_ensemble_variance() -> None:
    assert uncertainty_images(make_blobs(), [1], 0, True)[0] == "variance"
    for options in ({"keep": False}, {"samples": 1}):
        assert uncertainty_images(make_blobs(**options), [1], 0, True)[0] == "entropy (bit)"


@pytest.mark.parametrize("options", [{}, {"keep": False}, {"soft": True, "samples": 1}])
@pytest.mark.parametrize("rotate", [True, False])
def test_picture(tmp_path: Path, options: dict, rotate: bool) -> None:
    cases = make_blobs(**options)
    examples_figure(tmp_path / "a.png", cases, pick_examples(cases, rows=3), rotate=rotate, channel_name="flair")
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == 1600 and np.asarray(image.convert("L")).std() > 10


def test_nothing_found_and_nothing_there(tmp_path: Path) -> None:
    cases = SegmentationCases()
    cases.append(np.zeros((1, 8, 8)), np.zeros((1, 8, 8)), np.zeros((1, 8, 8)))
    examples_figure(tmp_path / "a.png", cases, pick_examples(cases))
    assert (tmp_path / "a.png").exists()
