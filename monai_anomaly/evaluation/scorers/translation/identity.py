# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ....metrics import regional_similarity
from ...edited import Edited
from ...task import Columns, Context, Summary
from .means import known_means

__all__ = ["nearer_to_others", "score_identity"]

SIDE = 64
"""Two images are compared at no more than this number of pixels along each axis: people differ in what is large."""


def score_identity(edited: Edited, context: Context) -> tuple[Summary, Columns]:
    """Whether the translated image still shows the same person.

    ``ssim_outside``: SSIM with the input in the brain outside of the lesion and its margin. ``same_person``: share of
    the cases whose translated image is nearer to its own input than to the inputs of all other subjects, by the mean
    absolute difference there (over the whole image where the lesion is not known); none in a set of one subject.
    """
    cases, data_range = edited.cases, context.settings["data_range"]
    columns: Columns = {}
    if edited.known.any():
        region = edited.elsewhere & edited.known[:, None, None, None]
        columns["ssim_outside"] = regional_similarity(cases["reconstruction"], cases["image"], region, data_range)
    if len(set(cases["subject"])) > 1:
        inside = edited.around & edited.known[:, None, None, None]
        others = nearer_to_others(cases["reconstruction"], cases["image"], ~inside, cases["subject"])
        columns["same_person"] = 1 - others
    return known_means(columns, context)


def nearer_to_others(images: np.ndarray, inputs: np.ndarray, regions: np.ndarray, subjects: np.ndarray) -> np.ndarray:
    """Whether an image is at least as near to the input of another subject as to its own.

    Args:
        images: (N, C, H, W); NaN where an image is unknown.
        inputs: same shape.
        regions: (N, 1, H, W) bool, where each image is compared.
        subjects: (N,) whose they are.

    Returns:
        (N,) 1 or 0; NaN where the image is unknown or the region empty.
    """
    step = -(-max(images.shape[2:]) // SIDE)
    images, inputs, regions = (x[:, :, ::step, ::step].astype(np.float32) for x in (images, inputs, regions))
    # several edits have one input
    first = list(
        {(subject, x.tobytes()): i for i, (subject, x) in enumerate(zip(subjects, inputs, strict=True))}.values()
    )
    rivals, owners = inputs[first], subjects[first]
    found = np.full(len(images), np.nan)
    for i, (image, region) in enumerate(zip(images, regions, strict=True)):
        others = rivals[owners != subjects[i]]
        own = (np.abs(image - inputs[i]) * region).sum()
        if region.any() and np.isfinite(own):
            found[i] = (np.abs(image - others) * region).sum((1, 2, 3)).min(initial=np.inf) <= own
    return found
