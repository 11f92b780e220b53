# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import pytest

from monai_anomaly.data.phantom.plan import SPLITS, plan_subjects
from monai_anomaly.utils import DataError

DEFAULT = {
    "subjects": 150,
    "seed": 0,
    "lesions": ("tumour",),
    "healthy_fraction": 0.3,
    "sites": "ABCD",
    "split": (0.8, 0.07, 0.13),
}


def plan(**changes):
    return plan_subjects(**{**DEFAULT, **changes})


def test_every_subject_is_one_person_in_one_split():
    people = plan()
    assert len({p.name for p in people}) == len({p.seed for p in people}) == 150
    counts = Counter(p.split for p in people)
    assert [counts[s] for s in SPLITS] == pytest.approx([120, 10.5, 19.5], abs=1)


@pytest.mark.parametrize("fraction", [0.3, 0.5])
def test_neither_site_nor_split_tells_the_disease(fraction):
    people = plan(healthy_fraction=fraction)
    assert sum(p.lesion is None for p in people) == 150 * fraction
    for site in "ABCD":
        here = [p.lesion is None for p in people if p.site == site]
        assert sum(here) / len(here) == pytest.approx(fraction, abs=0.03)
    for name in SPLITS:
        here = [p.lesion is None for p in people if p.split == name]
        assert sum(here) / len(here) == pytest.approx(fraction, abs=0.1)


def test_lesions_take_turns():
    kinds = Counter(p.lesion for p in plan(lesions=("tumour", "ms"), healthy_fraction=0.2))
    assert kinds == {"tumour": 60, "ms": 60, None: 30}


def test_two_seeds_share_no_person():
    assert not {p.seed for p in plan(seed=0)} & {p.seed for p in plan(seed=1)}
    assert plan(seed=1) == plan(seed=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subjects", 0),
        ("subjects", 10_001),
        ("seed", -1),
        ("lesions", ("stroke",)),
        ("lesions", ()),
        ("healthy_fraction", 1.5),
        ("sites", "AX"),
        ("sites", ""),
        ("split", (0.8, 0.2)),
        ("split", (0.8, 0.3, -0.1)),
        ("split", (0.5, 0.1, 0.1)),
    ],
)
def test_bad_arguments(name, value):
    with pytest.raises(DataError, match="healthy_fraction" if value == () else name):
        plan(**{name: value})
