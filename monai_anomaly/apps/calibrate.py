# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..metrics import conformal_case_threshold, conformal_share_threshold, needed_cases, thinned
from ..utils import DataError, one_of, write_json
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
    one_of("unit", unit, UNITS)
    people = read_healthy(folder, entry)
    weights = _weights(people, folder)
    rows: dict[str, Any] = {"all": {"value": _threshold(people, alpha, unit), "cases": len(people)}}
    few = []
    for site, of_site in by_site(people).items():
        if len(of_site) < needed_cases(alpha):
            few.append(f"{site} ({len(of_site)})")
        else:
            rows[site] = {"value": _threshold(of_site, alpha, unit), "cases": len(of_site)}
    sites = {name: row for name, row in rows.items() if name != "all"}
    told: dict[str, Any] = {"origin": "conformal", "alpha": alpha, "unit": unit, "entry": entry, **rows["all"]}
    write_json(out, {**told, **({"sites": sites} if sites else {}), **({"model": weights} if weights else {})})
    print("\n".join(["| site | healthy people | threshold |", "|---|---|---|"]))
    for name, row in rows.items():
        print(f"| {name} | {row['cases']} | {row['value']:.4g} |")
    if few:
        print(
            f"alpha {alpha:g} needs {needed_cases(alpha)} healthy people of a site; too few, and without a threshold of"
            f" their own: {', '.join(few)}"
        )


def _threshold(people: Sequence[HealthyPerson], alpha: float, unit: str) -> float:
    if unit == "case":
        return conformal_case_threshold([person.highest for person in people], alpha)
    return conformal_share_threshold([thinned(person.values) for person in people], alpha)


def _weights(people: Sequence[HealthyPerson], folder: str | os.PathLike) -> dict[str, Any] | None:
    """Those that made all maps."""
    found = {person.weights["sha256"]: person.weights for person in people if person.weights}
    if len(found) > 1:
        names = ", ".join(digest[:8] for digest in found)
        raise DataError(f"{folder}: expected maps of one model, found those of {len(found)} (SHA-256 {names})")
    return next(iter(found.values()), None)
