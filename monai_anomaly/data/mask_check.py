# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from monai_anomaly.utils import DataError

__all__ = ["check_masks"]


def check_masks(volumes: Iterable[tuple[str, int | None, bool | None]]) -> None:
    """Compare the labels of volumes with their masks, which decide the labels of the slices.

    Volumes that disagree are named in a warning.

    Args:
        volumes: of each the subject, its label (None: not given), and whether its mask has any lesion (None: no mask).

    Raises:
        DataError: when all diseased volumes that have a mask have an empty one: something is wrong with the masks.
    """
    labelled = [(subject, int(label) > 0, lesion) for subject, label, lesion in volumes if label is not None]
    with_mask = [subject for subject, diseased, lesion in labelled if diseased and lesion is not None]
    empty = [subject for subject, diseased, lesion in labelled if diseased and lesion is False]
    healthy = [subject for subject, diseased, lesion in labelled if not diseased and lesion]
    if empty and len(empty) == len(with_mask):
        raise DataError(
            f"expected lesions in the masks of the {len(empty)} diseased volume(s) (label 1), found all of them empty "
            f"({_listed(empty)}): they overrule the labels, and every slice would count as healthy; correct the masks, "
            "or remove the entries 'mask' from the datalist to train with the labels"
        )
    problems = [f"an empty mask with label 1: {len(empty)} ({_listed(empty)})"] if empty else []
    problems += [f"a lesion in the mask with label 0: {len(healthy)} ({_listed(healthy)})"] if healthy else []
    if problems:
        warnings.warn(
            f"labels and masks disagree, and the masks decide; volumes with {'; '.join(problems)}", stacklevel=3
        )


def _listed(subjects: Sequence[str], most: int = 5) -> str:
    return ", ".join(subjects[:most]) + (", ..." if len(subjects) > most else "")
