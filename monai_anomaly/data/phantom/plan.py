# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...utils import DataError
from .contrast import SITES
from .subject import LESIONS

__all__ = ["SPLITS", "Person", "plan_subjects"]

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
    """

    name: str
    seed: int
    site: str
    lesion: str | None
    split: str


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
    if not 1 <= subjects <= 10_000:
        raise DataError(f"phantom subjects: expected 1 to 10000, found {subjects}")
    if seed < 0:
        raise DataError(f"phantom seed: expected 0 or more, found {seed}")
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
