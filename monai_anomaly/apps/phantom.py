# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monai.utils import ensure_tuple

from ..data.phantom import CONTRASTS, make_subject, write_phantom
from ..data.phantom.plan import plan_subjects
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
    figures: bool = True,
) -> str:
    """Write brain phantom subjects, their datalist, and two figures to look at.

    Args:
        root: folder, made if missing; complete files in it are kept.
        subjects: how many people.
        seed: another seed gives other people.
        spacing: voxel size in mm.
        lesions: "tumour", "ms" or both, such as "tumour,ms".
        healthy_fraction: share of healthy people.
        sites: scanners, some of A, B, C, D.
        split: shares of training, validation and test.
        workers: processes beside this one.
        counterfactuals: factors on the radii of the tumors of the test section, such as "0.7,1.3", for images of the
            same people with tumors of these sizes and at another place.
        figures: also write subjects.png (some people) and uniqueness.png (no two are copies).

    Returns:
        Path of the datalist.
    """
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
    )
    if figures:
        plan = plan_subjects(subjects, seed, lesions, healthy_fraction, sites, split)
        shown = [make_subject(p.seed, p.site, p.lesion, spacing) for p in plan[:8]]
        phantom_figure(Path(root) / "subjects.png", shown)
        one_site = [make_subject(p.seed, sites[0], None, spacing) for p in plan[:16]]
        uniqueness_figure(Path(root) / "uniqueness.png", one_site, channel=CONTRASTS.index("t1"))
    return str(datalist)


def _names(value: str | Sequence[str]) -> list[str]:
    """Words of a comma separated string, or the sequence unchanged: command lines give either."""
    return value.split(",") if isinstance(value, str) else list(value)
