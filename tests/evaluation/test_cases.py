# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.evaluation import AnomalyMaps, Cases, Classification, Segmentation
from monai_anomaly.utils import DataError

from .blobs import make_blobs

IMAGE, MAP, REGIONS = np.ones((2, 4, 5)), np.zeros((1, 4, 5)), np.zeros((3, 4, 5))
MEMBERS = np.zeros((6, 3, 4, 5))


def anomaly(*rows: dict[str, Any], dtype: str = "float32") -> Cases:
    cases = Cases(AnomalyMaps.schema, dtype)
    for row in rows:
        cases.append(**{"image": IMAGE, **row})
    return cases


def test_fields_are_stacked_and_missing_ones_marked() -> None:
    full = {"map": MAP, "reconstruction": IMAGE, "mask": MAP + 4, "twin": IMAGE, "label": 1, "probability": 0.7}
    cases = anomaly({"image": MetaTensor(torch.ones(2, 4, 5)), "map": torch.zeros(1, 4, 5), "subject": "a", "slice": 3})
    assert cases["map"].shape == (1, 1, 4, 5) and cases["twin"].shape == (1, 2, 4, 5)
    cases.append("b", 4, image=IMAGE, **full)
    assert len(cases) == 2 and cases["image"].shape == (2, 2, 4, 5) and cases["map"].dtype == np.float32
    assert not cases["mask"][0].any() and cases["mask"][1].all() and cases["mask"].dtype == bool
    assert np.isnan(cases["twin"][0]).all() and list(cases.known("twin")) == [False, True]
    assert cases.has("map") and not cases.has("twin") and not Cases(AnomalyMaps.schema).has("map")
    assert np.isnan(cases["probability"][0]) and list(cases["label"]) == [-1, 1]
    assert cases.keys == [("a", "3"), ("b", "4")] and cases.titles == ["a 3", "b 4"]


def test_half_precision_keeps_maps_exact() -> None:
    values = np.float32(np.random.default_rng(0).random(MAP.shape))
    cases = anomaly({"map": values, "reconstruction": IMAGE}, dtype="float16")
    assert cases["reconstruction"].dtype == cases["image"].dtype == np.float16
    np.testing.assert_array_equal(cases["map"][0], values)


def test_half_precision_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(DataError, match="a: expected image that float16 can hold, found up to 70000"):
        anomaly({"image": IMAGE * 7e4, "subject": "a"}, dtype="float16")
    assert anomaly({"image": IMAGE * 7e4})["image"].max() == 7e4


def test_what_is_kept_is_a_copy() -> None:
    image, mask = IMAGE.copy(), MAP.copy()
    cases = anomaly({"image": image, "mask": mask})
    image[:], mask[:] = 7, 1
    assert (cases["image"] == 1).all() and not cases["mask"].any()


def test_variance_by_default_is_that_of_the_members_unbiased() -> None:
    for soft in (False, True):
        cases = make_blobs(n=2, samples=4, soft=soft)
        np.testing.assert_allclose(cases["variance"], cases["samples"].astype(float).var(1, ddof=1), atol=1e-6)
        assert cases["samples"].dtype == (np.float32 if soft else bool)
    for cases in (make_blobs(n=2, keep=False), make_blobs(n=2, samples=1)):
        assert cases["variance"].shape == cases["mean"].shape and not cases["variance"].any()
    assert make_blobs(n=2, keep=False)["samples"].shape[1] == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"map": IMAGE}, r"map of shape \(1, 4, 5\), found \(2, 4, 5\)"),
        ({"mask": MAP[:, :2]}, "mask of shape"),
        ({"twin": MAP}, "twin of shape"),
        ({"image": IMAGE[:, :2], "map": MAP[:, :2]}, "image of shape"),
        ({"image": None}, "found no image"),
        ({"map": None}, "expected map, like the cases before, found none"),
        ({"map": MAP * np.nan}, "map of finite values, found 20 that are NaN or infinite"),
        ({"image": IMAGE + np.inf}, "image of finite values"),
        ({"mask": MAP * np.nan}, "mask of finite values"),
        ({"reconstruction": IMAGE * np.nan}, "reconstruction of finite values"),
        ({"twin": IMAGE * np.nan}, "twin of finite values"),
        ({"probability": float("nan")}, "probability of finite values"),
        ({"probability": [0.1, 0.9]}, r"probability as one number, found 2 of shape \(2,\)"),
        ({"mask": MAP - 1}, "mask in .0, inf., found -1 to -1"),
        ({"map": MAP + 1e39}, "map that float32 can hold, found up to 1e.39"),
        ({"label": 0.7}, "label as a whole number, found 0.7"),
        ({"label": [0, 1]}, "label as one number"),
        ({"label": "sick"}, "label of numbers, found 'sick'"),
    ],
)
def test_bad_anomaly_maps_are_named(fields: dict, message: str) -> None:
    cases = anomaly({"map": MAP})
    with pytest.raises(DataError, match=f"sub-7 12: .*{message}"):
        cases.append("sub-7", 12, **{"image": IMAGE, "map": MAP, **fields})
    assert len(cases) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mean": REGIONS[:2]}, "mean of shape"),
        ({"mean": REGIONS + np.nan}, "mean of finite values, found 60 that are NaN"),
        ({"mean": REGIONS + 1.5}, "mean in .0, 1., found 1.5"),
        ({"mean": None}, "found no mean"),
        ({"mask": None}, "found no mask"),
        ({"variance": REGIONS + np.inf}, "variance of finite values"),
        ({"variance": REGIONS[:, :2]}, "variance of shape"),
        ({"variance": REGIONS - 1}, "variance in"),
        ({"samples": MEMBERS * np.nan}, "samples of finite values"),
        ({"samples": MEMBERS[:, :2]}, "samples of shape"),
        ({"samples": MEMBERS[:5]}, "samples of shape"),
        ({"samples": None}, "expected samples, like the cases before, found none"),
        ({"samples": MEMBERS + 2}, "samples in"),
        ({"mask": REGIONS[:2], "mean": REGIONS[:2]}, "mask of shape"),
    ],
)
def test_bad_segmentations_are_named(fields: dict, message: str) -> None:
    cases = Cases(Segmentation.schema)
    good = {"image": IMAGE, "mean": REGIONS, "mask": REGIONS, "samples": MEMBERS}
    cases.append(**good)
    with pytest.raises(DataError, match=f"sub-7 12: .*{message}"):
        cases.append("sub-7", 12, **(good | fields))


def test_values_a_little_out_of_range_are_clipped() -> None:
    cases = Cases(Segmentation.schema)
    cases.append(image=IMAGE, mean=REGIONS + 1.0005, mask=REGIONS)
    assert cases["mean"].max() == 1


def test_a_misspelled_field_is_refused() -> None:
    with pytest.raises(TypeError, match=r"got \['score'\]"):
        anomaly({"score": 0.5})


def test_nothing_to_score() -> None:
    with pytest.raises(DataError, match="at least one case"):
        Cases(AnomalyMaps.schema)["map"]


def test_extend_skips_known_cases_but_keeps_unnamed_ones() -> None:
    cases = make_blobs(n=2)
    cases.extend(make_blobs(n=3))
    assert list(cases["slice"]) == ["40", "41", "42"]
    unnamed = anomaly({"map": MAP})
    unnamed.extend(anomaly({"map": MAP + 1}))
    assert list(unnamed["map"].mean((1, 2, 3))) == [0, 1]
    empty = Cases(Segmentation.schema)
    empty.extend(make_blobs(n=2, keep=False))
    assert empty["samples"].shape == (2, 0, 1, 32, 32)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (make_blobs(1, n=3, regions=2), "s0 42: expected mask of shape"),
        (make_blobs(1, n=3, size=16), "s0 42: expected image of shape"),
        (make_blobs(1, n=3, keep=False), "s0 42: expected samples, like the cases before, found none"),
        (anomaly({"map": MAP}), "Expected cases of segmentation, found those of anomaly_maps"),
    ],
)
def test_extend_refuses_cases_that_do_not_fit(other: Cases, message: str) -> None:
    cases = make_blobs(n=2)
    with pytest.raises(DataError, match=message):
        cases.extend(other)
    assert len(cases) == 2 and cases["samples"].shape[1] == 5


def test_a_subset_is_a_set_of_its_own() -> None:
    cases = make_blobs(n=4)
    few = cases.subset([3, 1])
    assert list(few["slice"]) == ["43", "41"] and few["samples"].shape[1] == 5
    few.extend(cases)
    assert len(few) == 4 and list(cases["slice"]) == ["40", "41", "42", "43"]


def test_replaced_fields_leave_the_others_and_the_original_alone() -> None:
    cases = make_blobs(n=3, regions=2)
    one = cases.replace(mask=cases["mask"][:, :1], mean=cases["mean"][:, :1], variance=None, samples=None)
    assert one["mask"].shape == (3, 1, 32, 32) and not one.has("samples") and cases.has("samples")
    np.testing.assert_array_equal(one["image"], cases["image"])
    assert np.shares_memory(cases.replace(mask=None)["image"], cases["image"]), "a copy of all images per method"
    np.testing.assert_array_equal(one.subset([2])["mean"][0], cases["mean"][2, :1])


def test_whole_volumes_are_classified_without_their_images() -> None:
    cases = Cases(Classification.schema)
    cases.append("a", logits=torch.tensor([0.1, 2.0, -1.0]), label=1, site="scanner 2")
    cases.append("b", logits=torch.zeros(3), label=torch.tensor(0))
    assert cases["logits"].shape == (2, 3) and list(cases["site"]) == ["scanner 2", ""]
