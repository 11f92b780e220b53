# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import pytest

from monai_anomaly.data.phantom.plan import SPLITS, plan_groups, plan_subjects
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


DESIGN = [
    {"site": "A", "lesion": "ms", "training": 3, "validation": 2, "test": 4},
    {"site": "A", "lesion": None, "training": 2, "test": 1},
    {"site": "F", "lesion": "ms", "training": 5, "severity": 0.5},
]


def test_a_design_is_followed_and_everyone_is_another_person():
    people = plan_groups(DESIGN, seed=3)
    counts = Counter((p.site, p.lesion, p.split, p.severity) for p in people)
    assert counts == {
        ("A", "ms", "training", 1): 3,
        ("A", "ms", "validation", 1): 2,
        ("A", "ms", "test", 1): 4,
        ("A", None, "training", 1): 2,
        ("A", None, "test", 1): 1,
        ("F", "ms", "training", 0.5): 5,
    }
    assert len({p.name for p in people}) == len({p.seed for p in people}) == 17
    assert not {p.seed for p in people} & {p.seed for p in plan_groups(DESIGN, seed=2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"site": "X"}, "site of A, B"),
        ({"lesion": "stroke"}, "lesion of tumour, ms"),
        ({"training": -1}, "whole numbers"),
        ({"test": 1.5}, "whole numbers"),
        ({"severity": 0}, "severity"),
        ({"severity": "mild"}, "severity"),
        ({"lesion": None, "severity": 0.5}, "severity.*healthy"),
        ({"tests": 3}, "groups"),
    ],
)
def test_a_bad_group(change, message):
    with pytest.raises(DataError, match=f"phantom .*{message}"):
        plan_groups([{**DESIGN[0], **change}], seed=0)


@pytest.mark.parametrize("groups", [[], [{"site": "A", "lesion": "ms"}], [{"lesion": "ms"}], ["A"]])
def test_a_design_without_people(groups):
    with pytest.raises(DataError, match=r"phantom (subjects|groups)"):
        plan_groups(groups, seed=0)
