# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from monai.utils import ensure_tuple

from ..utils import DataError, listed

__all__ = ["absent_classes", "check_target", "lone_sites"]


def check_target(target: str | Sequence[str], sites: Collection[str], where: str) -> list[str]:
    """The sites of the target domain.

    Raises:
        DataError: one of them is not among the sites, or there is none.
    """
    names = [str(name) for name in ensure_tuple(target)]
    if unknown := [name for name in names if name not in sites] or ([] if names else ["none"]):
        raise DataError(
            f"{where}: expected the target among the sites {', '.join(sorted(sites))}, found {', '.join(unknown)}"
        )
    return names


def absent_classes(
    samples: Sequence[Mapping[str, Any]], target: Collection[str], classes: Collection[int]
) -> list[int]:
    """Classes without an image of the target domain."""
    found = {sample["label"] for sample in samples if sample["site"] in target}
    return sorted(set(classes) - found)


def lone_sites(samples: Sequence[Mapping[str, Any]]) -> str:
    """What to tell of sites with one image, from which nothing can be learned of a scanner; empty: there are none."""
    alone = sorted(site for site, count in Counter(sample["site"] for sample in samples).items() if count == 1)
    return f"one image only of the site(s) {listed(alone)}: too little to tell a scanner from a head" if alone else ""
