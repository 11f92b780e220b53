# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.evaluation import AnomalyMaps, Cases, Classification, Segmentation, load_cases, save_cases
from monai_anomaly.utils import DataError

from .blobs import make_blobs
from .edits import make_edits


def test_saved_anomaly_maps_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cases = Cases(AnomalyMaps.schema)
    for i in range(4):
        some = {"mask": rng.random((1, 5, 7)) < 0.3} if i else {}
        some |= {"twin": rng.random((2, 5, 7))} if i % 2 else {}
        some |= {} if i == 2 else {"probability": i / 3}
        image, reconstruction = rng.random((2, 2, 5, 7))
        cases.append(
            f"s{i}", 40 + i, image=image, map=rng.random((1, 5, 7)), reconstruction=reconstruction, label=i % 2, **some
        )
    save_cases(cases, tmp_path / "cases.npz")
    again = load_cases(tmp_path / "cases.npz", AnomalyMaps.schema)
    assert [p.name for p in tmp_path.iterdir()] == ["cases.npz"]
    for key in ("image", "map", "reconstruction", "twin"):
        np.testing.assert_allclose(again[key], cases[key], atol=1e-3)
        assert list(again.known(key)) == list(cases.known(key))
    for key in ("mask", "label", "probability"):
        np.testing.assert_array_equal(again[key], cases[key])
    assert again.keys == cases.keys


@pytest.mark.parametrize("options", [{}, {"soft": True}, {"keep": False}, {"samples": 1}])
def test_saved_segmentations_come_back_without_soft_members(tmp_path: Path, options: dict) -> None:
    cases = make_blobs(n=4, regions=2, size=17, **options)
    save_cases(cases, tmp_path / "cases.npz")
    again = load_cases(tmp_path / "cases.npz", Segmentation.schema)
    kept = 0 if options.get("soft") else cases["samples"].shape[1]
    assert len(again) == 4 and again["samples"].shape[1] == kept and again.keys == cases.keys
    np.testing.assert_array_equal(again["mask"], cases["mask"])
    for key in ("image", "mean", "variance", "samples")[: 4 if kept else 3]:
        np.testing.assert_allclose(again[key], cases[key], atol=1e-3)


def test_saved_classifications_come_back(tmp_path: Path) -> None:
    cases = Cases(Classification.schema)
    cases.append("a", logits=[0.5, -0.5], label=1, site="x")
    cases.append("b", logits=[1.5, -0.5], label=0)
    save_cases(cases, tmp_path / "cases.npz")
    again = load_cases(tmp_path / "cases.npz", Classification.schema)
    assert list(again["site"]) == ["x", ""] and list(again["label"]) == [1, 0]
    np.testing.assert_allclose(again["logits"], cases["logits"])


def test_another_file_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", image=np.ones(3))
    with pytest.raises(DataError, match=r"other.npz: expected saved cases of anomaly_maps, found no \['schema'"):
        load_cases(tmp_path / "other.npz", AnomalyMaps.schema)
    save_cases(make_blobs(n=1), tmp_path / "blobs.npz")
    with pytest.raises(DataError, match=r"blobs.npz: expected saved cases of anomaly_maps, found"):
        load_cases(tmp_path / "blobs.npz", AnomalyMaps.schema)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "blobs.npz").read_bytes()[:200])
    with pytest.raises(DataError, match=r"cut.npz: expected saved cases of segmentation, found none that can be read"):
        load_cases(tmp_path / "cut.npz", Segmentation.schema)


def test_values_beyond_half_precision_come_back(tmp_path: Path) -> None:
    cases = Cases(AnomalyMaps.schema)
    cases.append("a", image=np.full((1, 4, 4), 7e4), map=np.full((1, 4, 4), 9e4), mask=np.ones((1, 4, 4)))
    save_cases(cases, tmp_path / "cases.npz")
    again = load_cases(tmp_path / "cases.npz", AnomalyMaps.schema)
    for key in ("image", "map"):
        np.testing.assert_allclose(again[key], cases[key], rtol=1e-6)


def test_cases_of_another_run_are_refused(tmp_path: Path) -> None:
    save_cases(make_blobs(n=1), tmp_path / "cases.npz", "first")
    assert len(load_cases(tmp_path / "cases.npz", Segmentation.schema, "first")) == 1
    message = r"cases\.npz: expected the cases of run 'second', .* found those of run 'first'"
    with pytest.raises(DataError, match=message):
        load_cases(tmp_path / "cases.npz", Segmentation.schema, "second")


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("mean", lambda x: x[:-1], r"expected mean of numbers and shape \(3, 1, 32, 32\), found .*\(2, 1"),
        ("mean", lambda x: x.astype(str), "expected mean of numbers and shape .*, found <U"),
        ("mean", lambda x: x * np.nan, "expected mean of finite values"),
        ("mask", lambda x: x[:-3], r"expected mask of numbers and shape \(384,\), found uint8 and \(381,\)"),
        ("mask", lambda x: np.append(x, x[:1]), r"expected mask of .* found uint8 and \(385,\)"),
        ("has_mean", lambda x: x[:-1], r"expected has_mean of numbers and shape \(3,\), found bool and \(2,\)"),
        ("has_mean", lambda x: x & (np.arange(3) > 0), "expected mean of 2 cases, as has_mean has it, found 3"),
        ("shape_mask", lambda x: x[:-1], r"expected shape_mask of numbers and shape \(4,\), found int64 and \(3,\)"),
        ("slice", lambda x: x[:-1], r"expected slice of text and shape \(3,\), found .*\(2,\)"),
        ("subject", lambda x: np.arange(3), "expected subject of text and one value per case, found int64"),
    ],
)
def test_arrays_of_other_lengths_are_refused(
    tmp_path: Path, name: str, edit: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    path = tmp_path / "cases.npz"
    save_cases(make_blobs(n=3), path)
    fields = dict(np.load(path))
    np.savez(path, **{**fields, name: edit(fields[name])})
    with pytest.raises(DataError, match=rf"cases\.npz: .*{message}"):
        load_cases(path, Segmentation.schema)


def test_a_damaged_file_is_refused_whatever_byte_it_is(tmp_path: Path) -> None:
    save_cases(make_blobs(n=2, size=8), tmp_path / "cases.npz")
    whole = (tmp_path / "cases.npz").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "cases.npz").write_bytes(damaged)
        try:
            load_cases(tmp_path / "cases.npz", Segmentation.schema)
        except DataError:
            refused += 1
    assert refused > 30  # some bytes, e.g. dates, say nothing


def test_the_name_is_that_of_the_caller(tmp_path: Path) -> None:
    save_cases(make_blobs(n=2), tmp_path / "cases")
    assert [path.name for path in tmp_path.iterdir()] == ["cases"]
    assert len(load_cases(tmp_path / "cases", Segmentation.schema)) == 2


def test_only_what_the_truth_is_measured_on_is_kept_as_it_is(tmp_path: Path) -> None:
    save_cases(make_edits(subjects=1), tmp_path / "cases.npz")
    found = np.load(tmp_path / "cases.npz")
    assert (found["image"].dtype, found["reconstruction"].dtype) == (np.float32, np.float16)
