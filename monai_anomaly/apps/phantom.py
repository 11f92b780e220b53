# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.utils import ensure_tuple

from ..data.phantom import CONTRASTS, make_subject, write_phantom
from ..data.phantom.plan import plan_groups, plan_subjects
from ..utils import DataError, read_json
from ..visualize import phantom_figure, uniqueness_figure

__all__ = ["phantom"]


def phantom(
    root: str,
    subjects: int = 150,
    seed: int = 0,
    spacing: float = 3.0,
    lesions: str | Sequence[str] = ("tumour",),
    healthy_fraction: float = 0.3,
    sites: str | Sequence[str] = "ABCD",
    split: Sequence[float] = (0.8, 0.07, 0.13),
    workers: int = 0,
    counterfactuals: float | Sequence[float] = (),
    groups: str | Sequence[Mapping[str, Any]] | None = None,
    contrasts: str | Sequence[str] = CONTRASTS,
    twin: bool = True,
    figures: bool = True,
) -> str:
    """Write brain phantom subjects, their datalist, and two figures to look at.

    Examples:
        monai-anomaly phantom data/phantom --subjects 200 --workers 2
        monai-anomaly phantom data/ms --lesions ms --spacing 1.0

    Args:
        root: folder, made if missing; complete files in it are kept.
        subjects: how many people.
        seed: another seed gives other people.
        spacing: voxel size in mm.
        lesions: "tumour", "ms" or both, such as "tumour,ms".
        healthy_fraction: share of healthy people.
        sites: scanners, some of A, B, C, D, E, F.
        split: shares of training, validation and test.
        workers: processes beside this one.
        counterfactuals: factors on the radii of the tumors of the test section, such as "0.7,1.3", for images of the
            same people with tumors of these sizes and at another place.
        groups: a JSON file, or JSON text, with a design in place of subjects, lesions, healthy_fraction, sites and
            split, such as '[{"site": "A", "lesion": "ms", "training": 16, "validation": 9, "test": 15}]'.
        contrasts: which images are written, some of t1, t1ce, t2, flair, such as "t1,flair".
        twin: also write the healthy twins.
        figures: also write subjects.png (some people) and uniqueness.png (no two are copies).

    Returns:
        Path of the datalist.
    """
    if isinstance(groups, str):
        groups = _read_groups(groups)
    lesions, sites = _names(lesions), _names(sites) if "," in sites else list(sites)
    datalist = write_phantom(
        root,
        subjects,
        seed,
        spacing,
        lesions,
        healthy_fraction,
        sites,
        split,
        workers,
        counterfactuals=ensure_tuple(counterfactuals),
        groups=groups,
        contrasts=_names(contrasts),
        twin=twin,
    )
    if figures:
        if groups is None:
            plan = plan_subjects(subjects, seed, lesions, healthy_fraction, sites, split)
            people = plan[:8]
        else:
            plan = plan_groups(groups, seed)
            people = plan[:: -(-len(plan) // 8)]  # of all groups
        shown = [make_subject(p.seed, p.site, p.lesion, spacing, size=p.size, severity=p.severity) for p in people]
        phantom_figure(Path(root) / "subjects.png", shown)
        one_site = [make_subject(p.seed, plan[0].site, None, spacing) for p in plan[:16]]
        uniqueness_figure(Path(root) / "uniqueness.png", one_site, channel=CONTRASTS.index("t1"))
    return str(datalist)


def _read_groups(text: str) -> list[Mapping[str, Any]]:
    """A design as JSON, or in a file."""
    expected = "a list of groups as JSON, or a JSON file with one"
    if not text.lstrip().startswith("["):
        groups = read_json(Path(text).expanduser(), expected)
    else:
        try:
            groups = json.loads(text)
        except ValueError as error:
            raise DataError(f"--groups: expected {expected}, found {error}: {text}") from error
    if not isinstance(groups, list):
        raise DataError(f"{text}: expected {expected}, found a {type(groups).__name__}")
    return groups


def _names(value: str | Sequence[str]) -> list[str]:
    """Words of a comma separated string, or the sequence unchanged: command lines give either."""
    return value.split(",") if isinstance(value, str) else list(value)
