# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

__all__ = ["check_masks"]


def check_masks(volumes: Iterable[tuple[str, int | None, bool | None]]) -> None:
    """Warn of volumes whose labels and masks disagree: the masks decide the labels of the slices.

    In a validation or test set that may be right, e.g. for a patient after surgery, so this only warns. A training set
    without any lesion is stopped by `RequiredClasses`.

    Args:
        volumes: of each the subject, its label (None: not given), and whether its mask has any lesion (None: no mask).
    """
    labeled = [(subject, label > 0, lesion) for subject, label, lesion in volumes if label is not None]
    with_mask = [subject for subject, diseased, lesion in labeled if diseased and lesion is not None]
    empty = [subject for subject, diseased, lesion in labeled if diseased and lesion is False]
    healthy = [subject for subject, diseased, lesion in labeled if not diseased and lesion]
    problems = [f"an empty mask with label 1: {_share(empty, with_mask)} ({_listed(empty)})"] if empty else []
    problems += [f"a lesion in the mask with label 0: {len(healthy)} ({_listed(healthy)})"] if healthy else []
    if problems:
        warnings.warn(
            f"labels and masks disagree, and the masks decide; volumes with {'; '.join(problems)}", stacklevel=3
        )


def _share(part: Sequence[str], whole: Sequence[str]) -> str:
    return f"ALL {len(part)}" if len(part) == len(whole) else f"{len(part)} of {len(whole)}"


def _listed(subjects: Sequence[str], most: int = 5) -> str:
    return ", ".join(subjects[:most]) + (", ..." if len(subjects) > most else "")
