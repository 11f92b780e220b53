# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_anomaly.metrics import SegmentationCases
from monai_anomaly.utils import DataError

from .blobs import make_blobs

IMAGE, MASK = np.ones((2, 4, 5)), np.zeros((3, 4, 5))
SAMPLES = np.zeros((6, 3, 4, 5))


def test_fields_are_stacked() -> None:
    cases = make_blobs(n=4, samples=5, regions=3, size=16)
    assert len(cases) == 4 and (cases.num_samples, cases.num_regions) == (5, 3)
    assert cases["image"].shape == (4, 2, 16, 16)
    assert cases["mean"].shape == cases["mask"].shape == cases["variance"].shape == (4, 3, 16, 16)
    assert cases["samples"].shape == (4, 5, 3, 16, 16)
    assert cases["samples"].dtype == cases["mask"].dtype == bool and cases["mean"].dtype == np.float32
    np.testing.assert_array_equal(cases.lesion_pixels, cases["mask"].sum((2, 3)))


def test_variance_of_the_samples_is_unbiased() -> None:
    for soft in (False, True):
        cases = make_blobs(n=2, samples=4, soft=soft)
        np.testing.assert_allclose(cases["variance"], cases["samples"].astype(float).var(1, ddof=1), atol=1e-6)
    assert cases["samples"].dtype == np.float32


def test_without_samples_there_is_no_spread() -> None:
    for cases in (make_blobs(n=2, keep=False), make_blobs(n=2, samples=1)):
        assert not cases["variance"].any()
    assert make_blobs(n=2, keep=False).num_samples == 0


def test_tensors_and_a_given_variance() -> None:
    cases = SegmentationCases("float16")
    mean = torch.full((3, 4, 5), 0.25)
    cases.append(torch.ones(2, 4, 5), mean, torch.from_numpy(MASK) + 4, variance=mean / 2, subject="a", slice=3)
    assert cases["image"].dtype == np.float16 and cases["mask"].all()
    assert (cases["variance"] == 0.125).all() and list(cases["slice"]) == ["3"]


def test_extend_skips_known_slices() -> None:
    a, b = make_blobs(n=2), make_blobs(n=3)
    a.extend(b)
    assert list(a["slice"]) == ["40", "41", "42"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mean": MASK[:2]}, "mean of shape"),
        ({"mean": MASK + np.nan}, "mean of finite values, found 60 that are NaN"),
        ({"mean": MASK + 1.5}, "mean in .0, 1., found 1.5"),
        ({"mean": None}, "found no mean"),
        ({"mask": None}, "found no mask"),
        ({"variance": MASK + np.inf}, "variance of finite values"),
        ({"mask": MASK + np.nan}, "mask of finite values"),
        ({"image": IMAGE * np.inf}, "image of finite values"),
        ({"samples": SAMPLES * np.nan}, "samples of finite values"),
        ({"variance": MASK[:, :2]}, "variance of shape"),
        ({"variance": MASK - 1}, "variance in"),
        ({"samples": SAMPLES[:, :2]}, "samples of shape"),
        ({"samples": SAMPLES[:5]}, "expected 6 samples, found 5"),
        ({"samples": None}, "expected 6 samples, found 0"),
        ({"samples": SAMPLES + 2}, "samples in"),
        ({"mask": MASK[:2], "mean": MASK[:2]}, "3 regions"),
        ({"image": IMAGE[:1]}, "expected an image of shape"),
    ],
)
def test_bad_slices_are_named(fields: dict, message: str) -> None:
    cases = SegmentationCases()
    good = {"image": IMAGE, "mean": MASK, "mask": MASK, "samples": SAMPLES}
    cases.append(**good)
    with pytest.raises(DataError, match=f"sub-7 12.*{message}"):
        cases.append(**(good | fields), subject="sub-7", slice=12)


def test_a_subset_is_a_set_of_its_own() -> None:
    cases = make_blobs(n=4)
    few = cases.subset([3, 1])
    assert list(few["slice"]) == ["43", "41"] and len(cases) == 4 and few.num_samples == 5
    few.extend(cases)
    assert len(few) == 4 and list(cases["slice"]) == ["40", "41", "42", "43"]


@pytest.mark.parametrize("options", [{}, {"soft": True}, {"keep": False}, {"samples": 1}])
def test_saved_cases_come_back(tmp_path: Path, options: dict) -> None:
    cases = make_blobs(n=4, regions=2, size=17, **options)
    cases.save(tmp_path / "cases.npz", channel=1)
    again = SegmentationCases.load(tmp_path / "cases.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["cases.npz"]
    kept = 0 if options.get("soft") else cases.num_samples
    assert (again.num_samples, again.num_regions, len(again)) == (kept, 2, 4)
    np.testing.assert_array_equal(again["mask"], cases["mask"])
    np.testing.assert_allclose(again["image"], cases["image"][:, 1:], atol=1e-3)
    for key in ("mean", "variance", "samples")[: 3 if kept else 2]:
        np.testing.assert_allclose(again[key], cases[key], atol=1e-3)
        assert again[key].dtype == cases[key].dtype
    for key in ("subject", "slice"):
        assert list(again[key]) == list(cases[key])


def test_another_file_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", image=IMAGE)
    with pytest.raises(DataError, match=r"other.npz: expected saved segmentations, found no \['mask'"):
        SegmentationCases.load(tmp_path / "other.npz")
