# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..utils import DataError

__all__ = ["split_by_subject", "split_into_folds"]


def split_by_subject(
    samples: Sequence[Mapping[str, Any]],
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    *,
    seed: int = 0,
    stratify: Iterable[str] = (),
) -> list[list[dict[str, Any]]]:
    """Split samples into parts so that no subject is in two of them.

    The result depends on the samples and the seed, not on the order of the samples. Shares are of subjects, and hold
    in each stratum and over all of them to within one subject. A part with a positive share is only empty when there
    are fewer subjects than such parts.

    Args:
        samples: dictionaries with ``subject``; a sample without one is a subject of its own.
        fractions: share of each part; they are divided by their sum.
        seed: of the shuffling.
        stratify: keys that define the strata, e.g. ``("label", "site")``; of a subject's samples the largest value
            of each key counts, so that a patient with any diseased image is a diseased one.

    Returns:
        one list of samples per part, ordered by subject.

    Raises:
        DataError: when the shares are no numbers, negative or all zero, or the seed is no whole number from 0 on.
    """
    share = _shares(fractions)
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise DataError(f"seed: expected a whole number from 0 on, found {seed!r}")
    keys = tuple(stratify)

    by_subject: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for sample in sorted(samples, key=_text):
        by_subject[str(sample.get("subject", _text(sample)))].append(dict(sample))
    strata: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for subject in sorted(by_subject):
        strata[tuple(max(str(s.get(k, "")) for s in by_subject[subject]) for k in keys)].append(subject)

    rng = np.random.default_rng(seed)
    parts: list[list[str]] = [[] for _ in share]
    owed = np.zeros(len(share))
    for stratum in sorted(strata):
        subjects = [strata[stratum][i] for i in rng.permutation(len(strata[stratum]))]
        # what rounding denies a part in one stratum it gets in the next
        owed += share * len(subjects)
        counts = _allocate(owed, len(subjects))
        owed -= counts
        ends = np.cumsum(counts)
        for part, start, end in zip(parts, ends - counts, ends, strict=True):
            part.extend(subjects[start:end])
    _fill_empty(parts, share)
    return [[sample for subject in sorted(part) for sample in by_subject[subject]] for part in parts]


def split_into_folds(
    samples: Sequence[Mapping[str, Any]],
    folds: int,
    fold: int,
    fractions: Sequence[float] = (0.8, 0.1),
    *,
    seed: int = 0,
    stratify: Iterable[str] = (),
) -> list[list[dict[str, Any]]]:
    """Split samples for one round of a cross-validation, so that no subject is in two of the parts.

    The folds depend on the samples and the seed; every sample is in the test part of one fold. What is not tested is
    split into training and validation.

    Args:
        samples: as for :func:`split_by_subject`.
        folds: number of folds, at least 2.
        fold: which one is tested, from 0 on.
        fractions: shares of training and validation; what follows is not used.
        seed: of both splits.
        stratify: keys whose values are spread evenly over the folds, and over training and validation.

    Returns:
        training, validation and test.

    Raises:
        DataError: when there is no such fold, or fewer subjects than folds; and as :func:`split_by_subject`.
    """
    for name, number in (("folds", folds), ("fold", fold)):
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool):
            raise DataError(f"{name}: expected a whole number, found {number!r}")
    if folds < 2 or not 0 <= fold < folds:
        raise DataError(f"fold: expected one of at least 2 folds, from 0 on, found fold {fold} of {folds}")
    keys = tuple(stratify)
    parts = split_by_subject(samples, [1.0] * folds, seed=seed, stratify=keys)
    if not all(parts):
        raise DataError(f"folds: expected a subject at least for each of the {folds} folds, found fewer")
    rest = [sample for number, part in enumerate(parts) if number != fold for sample in part]
    shares = _shares(fractions)[:2].tolist()
    return [*split_by_subject(rest, shares, seed=seed, stratify=keys), parts[fold]]


def _shares(fractions: Any) -> np.ndarray:
    try:
        share = np.asarray(fractions, dtype=float)
    except (TypeError, ValueError):
        share = np.zeros(0)
    if share.ndim != 1 or not (share >= 0).all() or not 0 < share.sum() < np.inf:
        raise DataError(f"split: expected shares >= 0 with a positive sum, like 0.8,0.1,0.1, found {fractions!r}")
    return np.asarray(share / share.sum())


def _allocate(owed: np.ndarray, total: int) -> np.ndarray:
    """Round to whole numbers >= 0 that sum to ``total``, the largest remainders up."""
    counts = np.maximum(np.floor(owed + 1e-9), 0).astype(int)
    while counts.sum() < total:
        counts[np.argmax(owed - counts)] += 1
    while counts.sum() > total:
        counts[np.argmin(np.where(counts > 0, owed - counts, np.inf))] -= 1
    return counts


def _fill_empty(parts: list[list[str]], share: np.ndarray) -> None:
    for part, fraction in zip(parts, share, strict=True):
        largest = max(parts, key=len)
        if not part and fraction > 0 and len(largest) > 1:
            part.append(largest.pop())


def _text(sample: Mapping[str, Any]) -> str:
    return json.dumps(sample, sort_keys=True, default=str)
