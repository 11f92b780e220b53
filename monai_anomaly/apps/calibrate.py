# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..metrics import conformal_case_threshold, conformal_share_threshold, needed_cases, thinned
from ..utils import DataError, differing_entries, finite_number, write_json
from .healthy_cases import HealthyPerson, by_site, read_healthy

__all__ = ["calibrate"]

UNITS = ("case", "voxel")


def calibrate(
    folder: str | os.PathLike, out: str | os.PathLike, alpha: float = 0.1, unit: str = "case", entry: str = "map"
) -> None:
    """Choose the threshold that flags at most a share alpha of healthy people, from results of healthy people.

    Examples:
        monai-anomaly predict diffanomaly healthy.json calibration
        monai-anomaly calibrate calibration threshold.json --alpha 0.1
        monai-anomaly predict diffanomaly scans results --threshold_file threshold.json

    Where a datalist named sites, each gets a threshold of its own beside the one of all. A person with several images
    counts once. The promise holds on average for new healthy people of the same scanners and population, see
    `conformal_case_threshold` and `conformal_share_threshold`.

    Args:
        folder: output of an inference on healthy people; cases whose datalist tells another label are left out.
        out: JSON to write, which inference takes as --threshold_file.
        alpha: share that may be flagged, between 0 and 1; 0.1 needs 9 people, 0.05 needs 19.
        unit: what is counted: "case", a person with anything flagged, or "voxel", the share of a person's voxels.
        entry: which image is thresholded, map or (of diffseg) mean.

    Raises:
        DataError: too few healthy people for alpha, maps of several weights, or nothing to read.
    """
    if unit not in UNITS:
        raise DataError(f"--unit: expected {' or '.join(UNITS)}, found {unit!r}")
    alpha = finite_number(alpha, "--alpha")
    if not 0 < alpha < 1:
        raise DataError(f"--alpha: expected a share between 0 and 1, found {alpha:g}")
    people = read_healthy(folder, entry)
    origin = _common(people, folder)
    groups = by_site(people)
    row = {"value": _threshold(people, alpha, unit), "cases": len(people)}
    enough = {site: group for site, group in groups.items() if len(group) >= needed_cases(alpha)}
    sites = {site: {"value": _threshold(g, alpha, unit), "cases": len(g)} for site, g in enough.items()}
    told = {"origin": "conformal", "alpha": alpha, "unit": unit, "entry": entry, **row, "sites": sites}
    write_json(out, {**told, "seen": list(groups), **origin})
    print("\n".join(["| site | healthy people | threshold |", "|---|---|---|"]))
    for name, found in (("all sites", row), *sites.items()):
        print(f"| {name} | {found['cases']} | {found['value']:.4g} |")
    if few := [f"{site} ({len(group)})" for site, group in groups.items() if site not in enough]:
        print(
            f"alpha {alpha:g} needs {needed_cases(alpha)} healthy people of a site; too few, and without a threshold of"
            f" their own: {', '.join(few)}"
        )


def _threshold(people: Sequence[HealthyPerson], alpha: float, unit: str) -> float:
    if unit == "case":
        return conformal_case_threshold([person.highest for person in people], alpha)
    return conformal_share_threshold([thinned(person.values) for person in people], alpha)


def _common(people: Sequence[HealthyPerson], folder: str | os.PathLike) -> dict[str, Any]:
    """The settings and, where they are known, the weights that made all maps."""
    weights = {(person.weights or {}).get("sha256", "unknown"): person.weights for person in people}
    if len(weights) > 1:
        names = ", ".join(digest[:8] for digest in weights)
        raise DataError(f"{folder}: expected maps of one model, found those of {len(weights)} (SHA-256 {names})")
    first = people[0]
    for person in people:
        for name, one, other in differing_entries(first.settings, person.settings, ""):
            raise DataError(
                f"{folder}: expected maps made with the same settings, found{name} {one} for {first.name} and {other}"
                f" for {person.name}"
            )
    return {"settings": first.settings, **({"model": first.weights} if first.weights else {})}
