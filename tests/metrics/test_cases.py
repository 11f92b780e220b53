# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.metrics import AnomalyCases
from monai_anomaly.utils import DataError

IMAGE, MAP = np.ones((2, 4, 5)), np.zeros((1, 4, 5))


def test_fields_are_stacked_and_missing_ones_marked() -> None:
    cases = AnomalyCases()
    cases.append(MetaTensor(torch.ones(2, 4, 5)), MetaTensor(torch.zeros(1, 4, 5)), label=0, subject="a", slice=3)
    assert cases["map"].shape == (1, 1, 4, 5)
    cases.append(IMAGE, MAP, IMAGE, np.full((1, 4, 5), 4), IMAGE, 1, 0.7, "b", 4)
    assert len(cases) == 2 and cases["image"].shape == (2, 2, 4, 5) and cases["map"].dtype == np.float32
    assert not cases["mask"][0].any() and cases["mask"][1].all() and cases["mask"].dtype == bool
    assert np.isnan(cases["twin"][0]).all() and list(cases.has_twin) == [False, True]
    assert not cases.has_healthy and cases.has_mask
    assert np.isnan(cases["score"][0]) and list(cases["label"]) == [0, 1]
    assert list(cases["subject"]) == ["a", "b"] and list(cases["slice"]) == ["3", "4"]


def test_half_precision_keeps_maps_exact() -> None:
    cases = AnomalyCases("float16")
    anomaly = np.float32(np.random.default_rng(0).random(MAP.shape))
    cases.append(IMAGE, anomaly, IMAGE)
    assert cases["healthy"].dtype == np.float16
    np.testing.assert_array_equal(cases["map"][0], anomaly)


def test_who_is_diseased_and_who_healthy() -> None:
    cases = AnomalyCases()
    for pixels, label in ((0, 0), (0, 1), (3, 1), (10, 1)):
        mask = np.zeros(20)
        mask[:pixels] = 1
        cases.append(IMAGE, MAP, mask=mask.reshape(MAP.shape), label=label)
    assert list(cases.diseased()) == [False, False, True, True]
    assert list(cases.diseased(5)) == [False, False, False, True]
    assert list(cases.healthy_slices()) == [True, False, False, False]


def test_labels_decide_without_masks() -> None:
    cases = AnomalyCases()
    for label in (0, 1, None):
        cases.append(IMAGE, MAP, label=label)
    assert list(cases.diseased()) == [False, True, False]
    assert list(cases.healthy_slices()) == [True, False, False]


def test_extend_skips_known_slices() -> None:
    a, b = AnomalyCases(), AnomalyCases()
    a.append(IMAGE, MAP, subject="s", slice=1)
    for number in (1, 2):
        b.append(IMAGE, MAP, subject="s", slice=number)
    a.extend(b)
    assert list(a["slice"]) == ["1", "2"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": IMAGE, "map": IMAGE}, "map of shape"),
        ({"image": IMAGE, "map": MAP, "mask": MAP[:, :2]}, "mask of shape"),
        ({"image": IMAGE, "map": MAP, "twin": MAP}, "twin of shape"),
        ({"image": IMAGE[:, :2], "map": MAP[:, :2]}, "expected an image of shape"),
        ({"image": IMAGE, "map": MAP * np.nan}, "map of finite values, found 20 that are NaN or infinite"),
        ({"image": IMAGE + np.inf, "map": MAP}, "image of finite values"),
        ({"image": IMAGE, "map": MAP, "mask": MAP * np.nan}, "mask of finite values"),
        ({"image": IMAGE, "map": MAP, "healthy": IMAGE * np.nan}, "healthy of finite values"),
        ({"image": IMAGE, "map": MAP, "twin": IMAGE * np.nan}, "twin of finite values"),
        ({"image": IMAGE, "map": MAP, "score": float("nan")}, "score of finite values"),
    ],
)
def test_bad_slices_are_named(fields: dict, message: str) -> None:
    cases = AnomalyCases()
    cases.append(IMAGE, MAP)
    with pytest.raises(DataError, match=f"sub-7 12.*{message}"):
        cases.append(**fields, subject="sub-7", slice=12)


def test_nothing_to_score() -> None:
    with pytest.raises(DataError, match="at least one slice"):
        AnomalyCases()["map"]


def test_all_slices_have_a_map_or_none_has() -> None:
    cases = AnomalyCases()
    assert not cases.has_map
    cases.append(IMAGE, score=0.3)
    assert not cases.has_map and np.isnan(cases["map"]).all()
    with pytest.raises(DataError, match="b 2: expected no anomaly map, like the slices before, found one"):
        cases.append(IMAGE, MAP, subject="b", slice=2)
    other = AnomalyCases()
    other.append(IMAGE, MAP)
    assert other.has_map
    with pytest.raises(DataError, match="expected an anomaly map, like the slices before, found none"):
        other.append(IMAGE)


def test_saved_cases_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cases = AnomalyCases()
    for i in range(4):
        mask = rng.random((1, 5, 7)) < 0.3 if i else None
        twin = rng.random((2, 5, 7)) if i % 2 else None
        image, healthy = rng.random((2, 2, 5, 7))
        score = None if i == 2 else i / 3
        cases.append(image, rng.random((1, 5, 7)), healthy, mask, twin, i % 2, score, f"s{i}", 40 + i)
    cases.save(tmp_path / "cases.npz")
    again = AnomalyCases.load(tmp_path / "cases.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["cases.npz"]
    for key in ("image", "map", "healthy", "twin"):
        np.testing.assert_allclose(again[key], cases[key], atol=1e-3)
    for key in ("mask", "label", "score"):
        np.testing.assert_array_equal(again[key], cases[key])
    assert again.slice_keys == cases.slice_keys and list(again.has_twin) == list(cases.has_twin)
    again.append(*rng.random((1, 2, 5, 7)), rng.random((1, 5, 7)))  # none of a mask, as of the first slice


def test_saved_scores_without_maps_come_back(tmp_path: Path) -> None:
    cases = AnomalyCases()
    cases.append(IMAGE, label=1, score=0.7)
    cases.save(tmp_path / "cases.npz")
    again = AnomalyCases.load(tmp_path / "cases.npz")
    assert not again.has_map and not again.has_mask and not again.has_healthy
    assert list(again["score"]) == [0.7] and list(again.diseased()) == [True]


def test_another_file_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", image=IMAGE)
    with pytest.raises(DataError, match=r"other.npz: expected saved anomaly maps, found no \['has_healthy'"):
        AnomalyCases.load(tmp_path / "other.npz")
