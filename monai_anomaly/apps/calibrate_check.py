# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ..metrics import cluster_bootstrap
from ..utils import DataError, read_json, write_json
from .healthy_cases import HealthyPerson, by_site, read_healthy

__all__ = ["calibrate_check"]


def calibrate_check(
    threshold: str | os.PathLike, folder: str | os.PathLike, out: str | os.PathLike | None = None
) -> None:
    """Count how many other healthy people a calibrated threshold flags, of each site, with 95 % intervals.

    Examples:
        monai-anomaly calibrate-check threshold.json results_of_other_healthy_people

    Args:
        threshold: JSON of calibrate.
        folder: output of an inference on healthy people who were not in the calibration.
        out: JSON to write; none: the table is printed only.

    Raises:
        DataError: the threshold is none of calibrate, or of other weights, or nothing to read.
    """
    path = Path(threshold).expanduser()
    chosen = read_json(path, "a threshold of calibrate")
    if not isinstance(chosen, dict) or chosen.get("origin") != "conformal":
        raise DataError(f"{path}: expected a threshold that calibrate wrote, found another one")
    people = read_healthy(folder, chosen["entry"])
    model = chosen.get("model")
    others = [p.name for p in people if model and p.weights and p.weights["sha256"] != model["sha256"]]
    others += [p.name for p in people if p.settings != chosen.get("settings", p.settings)]
    if others:
        raise DataError(
            f"{folder}: expected maps of the weights and settings that {path} is of, found others: {others[0]}"
        )
    sites: dict[str, Any] = chosen.get("sites", {})
    rows = [{"site": "all sites, one threshold", **_rate(people, chosen["value"], chosen["unit"])}]
    for site, group in by_site(people).items():
        own = sites.get(site)
        name = site if own else f"{site} (threshold of all)"
        rows.append({"site": name, **_rate(group, (own or chosen)["value"], chosen["unit"])})
    print(f"flagged of healthy people, wanted at most {chosen['alpha']:g}, by {chosen['unit']}")
    print("| site | healthy people | threshold | flagged | 95 % interval |\n|---|---|---|---|---|")
    for row in rows:
        interval = "-" if row["ci95"] is None else "{:.3f} to {:.3f}".format(*row["ci95"])
        print(f"| {row['site']} | {row['cases']} | {row['threshold']:.4g} | {row['flagged']:.3f} | {interval} |")
    if out is not None:
        write_json(out, {"alpha": chosen["alpha"], "unit": chosen["unit"], "rows": rows})


def _rate(people: Sequence[HealthyPerson], threshold: float, unit: str) -> dict[str, Any]:
    """Share that is flagged; of people with the exact interval of Clopper and Pearson, of voxels by a bootstrap."""
    if unit == "case":
        flagged = sum(person.highest > threshold for person in people)
        interval = binomtest(flagged, len(people)).proportion_ci(0.95)
        ci95 = [interval.low, interval.high]
        return {"threshold": threshold, "cases": len(people), "flagged": flagged / len(people), "ci95": ci95}
    shares = np.array([(person.values > threshold).mean() for person in people])
    interval_of_mean = cluster_bootstrap(shares, np.arange(len(shares)))
    mean = {"flagged": float(shares.mean()), "ci95": None if interval_of_mean is None else list(interval_of_mean)}
    return {"threshold": threshold, "cases": len(people), **mean}
