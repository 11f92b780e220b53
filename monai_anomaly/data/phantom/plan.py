# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...utils import DataError
from .contrast import SITES
from .subject import LESIONS, check_severity

__all__ = ["SPLITS", "Person", "plan_groups", "plan_subjects"]

SPLITS = ("training", "validation", "test")


@dataclass(frozen=True)
class Person:
    """One line of the plan: who is made, and where they go.

    Attributes:
        name: folder, such as ``sub-0001``.
        seed: of ``make_subject``.
        site: key of ``SITES``.
        lesion: ``"tumour"``, ``"ms"`` or None.
        split: one of ``SPLITS``.
        severity: factor on the number of MS lesions.
        size: factor on the radii of the lesions.
    """

    name: str
    seed: int
    site: str
    lesion: str | None
    split: str
    severity: float = 1.0
    size: float = 1.0


def plan_subjects(
    subjects: int,
    seed: int,
    lesions: Sequence[str],
    healthy_fraction: float,
    sites: Sequence[str],
    split: Sequence[float],
) -> list[Person]:
    """Give every subject a disease, a site and a split, the three independent of each other as far as numbers allow.

    Args:
        subjects: how many, 1 to 10000.
        seed: 0 or more; the seed of subject i is ``10000 * seed + i``.
        lesions: diseases, in turn.
        healthy_fraction: share of subjects without a disease.
        sites: scanners; each disease goes round them by itself, so that no site stands for a disease.
        split: shares of training, validation and test, summing to 1.

    Raises:
        DataError: an argument is none of the above.
    """
    _check_numbers(subjects, seed)
    if not set(lesions) <= set(LESIONS):
        raise DataError(f"phantom lesions: expected some of {', '.join(LESIONS)}, found {', '.join(lesions)}")
    if not 0 <= healthy_fraction <= 1 or (healthy_fraction < 1 and not lesions):
        raise DataError(f"phantom healthy_fraction: expected 0 to 1, and 1 without lesions, found {healthy_fraction}")
    if not sites or not set(sites) <= set(SITES):
        raise DataError(f"phantom sites: expected some of {', '.join(SITES)}, found {', '.join(sites) or 'none'}")
    if len(split) != len(SPLITS) or min(split) < 0 or abs(sum(split) - 1) > 1e-6:
        raise DataError(f"phantom split: expected shares of {', '.join(SPLITS)} that sum to 1, found {tuple(split)}")

    kinds: list[str | None] = []
    for i in range(subjects):
        healthy = int((i + 1) * healthy_fraction + 1e-9) - int(i * healthy_fraction + 1e-9)
        kinds.append(None if healthy or not lesions else lesions[sum(k is not None for k in kinds) % len(lesions)])
    rng = np.random.default_rng([seed, 5])
    site_of, split_of = [""] * subjects, [""] * subjects
    count = dict.fromkeys(SPLITS, 0)
    done = 0
    for kind in dict.fromkeys(kinds):
        members = [i for i, k in enumerate(kinds) if k == kind]
        for turn, i in enumerate(members):
            site_of[i] = sites[turn % len(sites)]
        for i in rng.permutation(members):
            done += 1  # the split that is furthest behind its share takes the next one
            name = max(SPLITS, key=lambda s: split[SPLITS.index(s)] * done - count[s])
            count[name] += 1
            split_of[i] = name
    return [Person(f"sub-{i + 1:04d}", 10_000 * seed + i, site_of[i], kinds[i], split_of[i]) for i in range(subjects)]


def plan_groups(groups: Sequence[Mapping[str, Any]], seed: int) -> list[Person]:
    """A design: who is scanned where, in groups of one site and one disease.

    Args:
        groups: each with ``site``, ``lesion`` (``"tumour"``, ``"ms"`` or None) and the numbers of people in
            ``training``, ``validation`` and ``test``; ``severity``, by default 1, is a factor on the number of MS
            lesions, ``size`` one on the radii of lesions.
        seed: 0 or more; the seed of subject i is ``10000 * seed + i``, counted over all groups.

    Raises:
        DataError: a group is none of the above, or there are not 1 to 10000 people.
    """
    planned = [
        (group["site"], group["lesion"], split, float(group.get("severity", 1.0)), float(group.get("size", 1.0)))
        for group in map(_checked, groups)
        for split in SPLITS
        for _ in range(group.get(split, 0))
    ]
    _check_numbers(len(planned), seed)
    return [
        Person(f"sub-{i + 1:04d}", 10_000 * seed + i, site, lesion, split, severity, size)
        for i, (site, lesion, split, severity, size) in enumerate(planned)
    ]


def _checked(group: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {"site", "lesion", "severity", "size", *SPLITS}
    if not isinstance(group, Mapping) or not {"site", "lesion"} <= set(group) <= known:
        raise DataError(f"phantom groups: expected entries with some of {', '.join(sorted(known))}, found {group!r}")
    site, lesion, severity = group["site"], group["lesion"], group.get("severity", 1.0)
    if site not in SITES or lesion not in (None, *LESIONS):
        raise DataError(
            f"phantom groups: expected a site of {', '.join(SITES)} and a lesion of {', '.join(LESIONS)} or null, "
            f"found {group!r}"
        )
    counts = [group.get(split, 0) for split in SPLITS]
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in counts):
        raise DataError(f"phantom groups: expected whole numbers of people, found {group!r}")
    if not all(isinstance(group.get(key, 1.0), (int, float)) for key in ("severity", "size")):
        raise DataError(f"phantom groups: expected numbers as severity and size, found {group!r}")
    check_severity(severity, lesion)
    return group


def _check_numbers(subjects: int, seed: int) -> None:
    if not 1 <= subjects <= 10_000:
        raise DataError(f"phantom subjects: expected 1 to 10000, found {subjects}")
    if seed < 0:
        raise DataError(f"phantom seed: expected 0 or more, found {seed}")
