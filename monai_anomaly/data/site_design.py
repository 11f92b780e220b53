# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..utils import DataError, listed, target_sites

__all__ = ["absent_classes", "check_training", "lone_sites"]

PARTS = {"all", "target", "source"}
"""Of the report of a `SiteClassification`, beside its sites."""


def check_training(
    samples: Sequence[Mapping[str, Any]],
    target: str | Sequence[str],
    classes: Collection[int],
    where: str,
    elsewhere: Collection[str] = (),
) -> None:
    """Check that a training set can teach to ignore the site: the target domain has an image of every class.

    Args:
        samples: of the training, with ``site`` and ``label``.
        target: the site, or the sites, of the target domain.
        classes: all classes.
        where: the samples come from, for the message.
        elsewhere: sites of other sections; of several target sites some may be there alone (thesis ch. 9: Study 5).

    Raises:
        DataError: a target is not among the sites, the target domain lacks a class, or a site has the name of a part of
            the evaluation, which would only say so after the training.
    """
    sites = {sample["site"] for sample in samples} | set(elsewhere)
    if unknown := [name for name in target_sites(target) if name not in sites]:
        found = f"{', '.join(sorted(sites))}, found {listed(unknown)}"
        raise DataError(f"{where}: expected the target among the sites {found}")
    if taken := sorted(sites & PARTS):
        parts = ", ".join(sorted(PARTS))
        raise DataError(f"{where}: expected sites not called like a part of a report ({parts}), found {listed(taken)}")
    if problem := absent_classes(samples, target, classes, where):
        raise DataError(f"{problem}: name another target, or move people of this class into the section")


def absent_classes(
    samples: Sequence[Mapping[str, Any]], target: str | Sequence[str], classes: Collection[int], where: str
) -> str:
    """What to tell of classes without an image of the target domain; empty: there are none."""
    names = target_sites(target)
    absent = sorted({*classes} - {sample["label"] for sample in samples if sample["site"] in names})
    expected = f"{where}: expected every class in the target domain ({', '.join(names)})"
    return f"{expected}, found no image of class {listed(absent)}" if absent else ""


def lone_sites(samples: Sequence[Mapping[str, Any]]) -> str:
    """What to tell of sites with one image, from which nothing can be learned of a scanner; empty: there are none."""
    alone = sorted(site for site, count in Counter(sample["site"] for sample in samples).items() if count == 1)
    return f"one image only of the site(s) {listed(alone)}: too little to tell a scanner from a head" if alone else ""
