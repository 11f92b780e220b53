# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Which lesion is to be put into which image: by a file, a datalist, or the masks of other people."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import DataError, as_path, hashed_seed, listed
from .inputs import PROBLEM

__all__ = ["DESIRED", "borrow_masks", "with_desired_masks"]

DESIRED = "target_mask"
"""Entry of a sample: path of the mask of what is to be put in."""


def with_desired_masks(
    samples: Sequence[Mapping[str, Any]], file: str | os.PathLike | None = None
) -> list[dict[str, Any]]:
    """The inputs of an inference with the mask of what is to be put into each.

    Grid, content and place are checked when the files are read, by
    :class:`monai_anomaly.transforms.DesiredMaskd`.

    Args:
        samples: as `find_inputs` returns them with ``keep=["target_mask"]``.
        file: the mask, of a single input; None: each has it under ``target_mask`` in the datalist, and one that has not
            gets the reason under ``problem`` and is left out.

    Raises:
        DataError: there are several inputs for one file, the file does not exist, or no input has a mask.
    """
    if file is not None:
        path = as_path(file, DESIRED)
        if not path.exists():
            raise DataError(f"{path}: expected the mask of what is to be put in, found no such file")
        if len(samples) != 1:
            raise DataError(
                f"{path}: expected one image to put this mask into, found {len(samples)}; "
                f"a datalist names one for each image under '{DESIRED}'"
            )
        return [{**samples[0], DESIRED: str(path)}]
    if not any(sample.get(DESIRED) for sample in samples):
        names = listed([str(sample.get("subject", number)) for number, sample in enumerate(samples)])
        raise DataError(f"expected a mask of what is to be put in, found no '{DESIRED}' of {names}")
    return [dict(sample) if sample.get(DESIRED) else {PROBLEM: _lacking(sample), **sample} for sample in samples]


def borrow_masks(
    samples: Sequence[Mapping[str, Any]], donors: Sequence[Mapping[str, Any]], seed: int = 0
) -> list[dict[str, Any]]:
    """Give healthy samples the masks of diseased people, as what is to be put into them, for a synthetic data set.

    The mask of a subject depends on the seed, its name and the donors alone, not on the other samples. Whether it fits
    the brain is up to the transforms: MONAI's ``ResampleToMatchd`` brings it to the grid of the image,
    :class:`monai_anomaly.transforms.DesiredMaskd` cuts it to the brain.

    Args:
        samples: those with a label above 0 are passed over.
        donors: diseased ones with a ``mask`` are taken, of training subjects as a rule; nobody gets one of their own.
        seed: 0 or more; another one gives other masks.

    Returns:
        the healthy samples with ``target_mask`` (a path), ``donor`` (whose it is) and ``edit`` ``"insert"``.

    Raises:
        DataError: no sample is healthy, or nobody else has a mask to give.
    """
    if seed < 0:
        raise DataError(f"seed: expected 0 or more, found {seed}")
    healthy = [sample for sample in samples if not sample.get("label")]
    if not healthy:
        raise DataError(f"expected healthy samples to put lesions into, found none among {len(samples)}")
    given = [donor for donor in donors if donor.get("label") and donor.get("mask")]
    given.sort(key=lambda donor: (str(donor.get("subject")), str(donor["mask"])))
    found = []
    for sample in healthy:
        subject = str(sample.get("subject", sample.get("image")))
        person = sample.get("patient", sample.get("subject"))
        others = [donor for donor in given if donor.get("subject") != person]
        if not others:
            raise DataError(f"expected a diseased donor with a mask for {subject}, found none among {len(donors)}")
        generator = np.random.default_rng(hashed_seed(seed, zlib.crc32(subject.encode())))
        donor = others[generator.integers(len(others))]
        found.append({**sample, DESIRED: donor["mask"], "donor": str(donor.get("subject", "")), "edit": "insert"})
    return found


def _lacking(sample: Mapping[str, Any]) -> str:
    image = sample["image"]
    first = image if isinstance(image, (str, Path)) else image[0]
    return f"{first}: expected a mask of what is to be put in under '{DESIRED}', found none"
