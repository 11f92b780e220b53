# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_anomaly.data import SliceDataset
from monai_anomaly.utils import DataError


def volume(subject: str, label: int | None, lesion: int | None, depth: int = 4) -> dict[str, Any]:
    """A volume as arrays, with a lesion in the slice of that number; -1: an empty mask, None: no mask."""
    sample: dict[str, Any] = {"image": np.ones((1, 4, 4, depth), np.float32), "subject": subject, "label": label}
    if lesion is not None:
        sample["mask"] = np.zeros((1, 4, 4, depth), np.float32)
        sample["mask"][:, :2, :2, lesion : lesion + 1] = float(lesion >= 0)
    return {key: value for key, value in sample.items() if value is not None}


def dataset(*volumes: dict[str, Any], **options: Any) -> SliceDataset:
    return SliceDataset(volumes, progress=False, **options)


GOOD = volume("good", 1, 2)


@pytest.mark.parametrize("cached", [False, True])
def test_volumes_whose_label_and_mask_disagree_are_named(tmp_path: Path, cached: bool) -> None:
    volumes = [GOOD, volume("a", 1, -1), volume("b", 0, 1), volume("c", 0, -1), volume("d", 0, None)]
    for _ in range(1 + cached):  # the second time from the cache
        with pytest.warns(UserWarning, match="disagree") as caught:
            dataset(*volumes, **({"cache_dir": tmp_path} if cached else {}))
        (text,) = (str(w.message) for w in caught)
        assert "an empty mask with label 1: 1 (a)" in text and "a lesion in the mask with label 0: 1 (b)" in text


def test_the_whole_mask_counts_and_not_the_slices_taken() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slices = dataset(GOOD, volume("a", 1, 3), volume("b", None, -1), slice_range=(0, 2))
    assert not any(slices.labels)


@pytest.mark.parametrize("cached", [False, True])
def test_masks_that_are_all_empty_do_not_overrule_the_labels_in_silence(tmp_path: Path, cached: bool) -> None:
    volumes = [volume("a", 1, -1), volume("b", 1, -1), volume("c", 0, None), volume("d", 1, None)]
    for _ in range(1 + cached):
        with pytest.raises(DataError, match=r"masks of the 2 diseased .* all of them empty \(a, b\).*overrule"):
            dataset(*volumes, **({"cache_dir": tmp_path} if cached else {}))
    without = dataset(*({k: v for k, v in sample.items() if k != "mask"} for sample in volumes))
    assert sum(without.labels) == 12


def test_a_label_that_is_none_is_named() -> None:
    with pytest.raises(DataError, match="subject a: label: expected a class, a whole number from 0 on, found 'HGG'"):
        dataset({**GOOD, "subject": "a", "label": "HGG"})
