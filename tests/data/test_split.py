# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monai_anomaly.data import split_by_subject, split_into_folds
from monai_anomaly.utils import DataError


def _samples(subjects: int, images: int = 3) -> list[dict]:
    return [
        {"image": f"{s}_{i}.png", "subject": f"p{s}", "label": int(s % 4 == 0), "site": "AB"[s % 2]}
        for s in range(subjects)
        for i in range(images)
    ]


def _subjects(part: list[dict]) -> set[str]:
    return {s["subject"] for s in part}


@pytest.mark.parametrize("subjects", [3, 7, 10, 101])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_sample_once_and_no_subject_twice(subjects: int, seed: int) -> None:
    samples = _samples(subjects)
    parts = split_by_subject(samples, seed=seed, stratify=("label", "site"))
    assert sorted(s["image"] for part in parts for s in part) == sorted(s["image"] for s in samples)
    assert sum(len(_subjects(part)) for part in parts) == subjects
    assert all(parts)


def test_the_split_depends_on_the_seed_but_not_on_the_order() -> None:
    samples = _samples(40)
    shuffled = [samples[i] for i in np.random.default_rng(3).permutation(len(samples))]
    assert split_by_subject(samples, seed=5) == split_by_subject(shuffled, seed=5)
    assert split_by_subject(samples, seed=5) != split_by_subject(samples, seed=6)


def test_shares_hold_in_all_and_in_each_stratum_to_one_subject() -> None:
    samples = _samples(83)
    parts = split_by_subject(samples, (0.7, 0.2, 0.1), stratify=("label", "site"))
    for part, share in zip(parts, (0.7, 0.2, 0.1), strict=True):
        assert abs(len(_subjects(part)) - 83 * share) <= 1
        for label in (0, 1):
            every = _subjects([s for s in samples if s["label"] == label])
            here = _subjects([s for s in part if s["label"] == label])
            assert abs(len(here) - share * len(every)) <= 2  # the healthy are two strata, A and B


def test_a_patient_with_one_diseased_image_is_a_diseased_patient() -> None:
    samples = [
        {"image": f"{s}_{i}", "subject": str(s), "label": int(s < 10 and i == 0)} for s in range(20) for i in (0, 1)
    ]
    for part in split_by_subject(samples, (0.5, 0.5), stratify=("label",)):
        assert len(_subjects([s for s in part if s["label"]])) == 5


def test_fewer_subjects_than_parts() -> None:
    assert [len(part) for part in split_by_subject(_samples(1, 2))] == [2, 0, 0]


def test_a_share_of_zero_stays_empty() -> None:
    assert [len(part) for part in split_by_subject(_samples(9, 1), (0, 1, 0))] == [0, 9, 0]


@pytest.mark.parametrize("fractions", [(), (0, 0), (1, -0.1), 0.8, ("a", "b"), (0.5, float("nan")), None])
def test_bad_shares(fractions: Any) -> None:
    with pytest.raises(DataError, match="split: expected shares"):
        split_by_subject(_samples(3), fractions)


@pytest.mark.parametrize("seed", ["abc", -1, 1.5, None, True])
def test_bad_seeds(seed: Any) -> None:
    with pytest.raises(DataError, match="seed: expected a whole number"):
        split_by_subject(_samples(3), seed=seed)


def test_every_subject_is_tested_in_one_fold() -> None:
    samples = [
        {"image": f"{s}_{i}", "subject": str(s), "label": s % 2, "site": "ab"[s % 3 == 0]}
        for s in range(23)
        for i in range(3)
    ]
    rounds = [split_into_folds(samples, 5, fold, seed=1, stratify=("label", "site")) for fold in range(5)]
    tested = [sample["image"] for parts in rounds for sample in parts[2]]
    assert sorted(tested) == sorted(sample["image"] for sample in samples)
    for parts in rounds:
        subjects = [{sample["subject"] for sample in part} for part in parts]
        assert all(subjects) and sum(map(len, subjects)) == len(set.union(*subjects)) == 23
        assert {sample["label"] for sample in parts[2]} == {0, 1}
    assert rounds[0] == split_into_folds(samples[::-1], 5, 0, seed=1, stratify=("label", "site"))
    assert rounds[0][2] != split_into_folds(samples, 5, 0, seed=2, stratify=("label", "site"))[2]


@pytest.mark.parametrize(
    ("folds", "fold", "message"),
    [
        (5, 5, "found fold 5 of 5"),
        (1, 0, "at least 2 folds"),
        (5, -1, "fold -1"),
        (2.5, 0, "whole number"),
        (9, 0, "fewer"),
    ],
)
def test_bad_folds(folds: Any, fold: Any, message: str) -> None:
    samples = [{"image": str(s), "subject": str(s)} for s in range(6)]
    with pytest.raises(DataError, match=message):
        split_into_folds(samples, folds, fold)
