# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from nibabel.orientations import aff2axcodes

from monai_anomaly.registration import load_brain_template
from monai_anomaly.transforms import ResampleToTemplated
from monai_anomaly.transforms.resample_to_template import template_grid

TEMPLATE = load_brain_template()


def brain() -> MetaTensor:
    values = torch.from_numpy(TEMPLATE.brain[None].astype(np.float32))
    return MetaTensor(values, affine=torch.from_numpy(TEMPLATE.image.affine))


@pytest.mark.parametrize("axcodes", ["RAS", "LPS", "RSA"])
def test_the_grid_points_where_it_should_and_has_the_brain_in_its_middle(axcodes: str) -> None:
    affine = template_grid(TEMPLATE, (40, 50, 60), 3.0, axcodes)
    assert aff2axcodes(affine) == tuple(axcodes)
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), 3)
    middle = (affine @ [19.5, 24.5, 29.5, 1])[:3]
    np.testing.assert_allclose(middle, sum(TEMPLATE.box()) / 2)


@pytest.mark.parametrize(
    ("size", "axcodes", "low", "high"),
    [
        ((160, 192, 160), "RAS", 0.99, 1.01),  # all of it
        ((124, 120, 172), "RSA", 0.90, 0.96),  # the thesis' numbers, in the order that fits best
        ((124, 120, 172), "RAS", 0.70, 0.87),  # and in the one they are read in at first
    ],
)
def test_how_much_of_the_brain_a_crop_holds(size: tuple[int, ...], axcodes: str, low: float, high: float) -> None:
    transform = ResampleToTemplated("brain", "nearest", spatial_size=size, axcodes=axcodes)
    kept = transform({"brain": brain()})["brain"]
    assert kept.shape[1:] == size
    assert low < float(kept.sum() / brain().sum()) < high


def test_the_inverse_returns_to_the_grid_before() -> None:
    transform = ResampleToTemplated(
        ["brain", "none"], "bilinear", spacing=2.0, spatial_size=(84, 100, 84), allow_missing_keys=True
    )
    back = transform.inverse(transform({"brain": brain()}))["brain"]
    assert back.shape == brain().shape
    np.testing.assert_allclose(back.affine, TEMPLATE.image.affine, atol=1e-9)
    found, true = back[0] > 0.5, brain()[0] > 0.5
    assert 2 * float((found & true).sum()) / float(found.sum() + true.sum()) > 0.98
