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
        assert "an empty mask with label 1: 1 of 2 (a)" in text and "a lesion in the mask with label 0: 1 (b)" in text


def test_the_whole_mask_counts_and_not_the_slices_taken() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slices = dataset(GOOD, volume("a", 1, 3), volume("b", None, -1), slice_range=(0, 2))
    assert not any(slices.labels)


@pytest.mark.parametrize("cached", [False, True])
def test_masks_that_are_all_empty_overrule_the_labels_with_a_warning(tmp_path: Path, cached: bool) -> None:
    """They do not stop a small test with a patient after the operation."""
    volumes = [volume("a", 1, -1), volume("b", 1, -1), volume("c", 0, None), volume("d", 1, None)]
    for _ in range(1 + cached):
        with pytest.warns(UserWarning, match=r"an empty mask with label 1: ALL 2 \(a, b\)"):
            slices = dataset(*volumes, **({"cache_dir": tmp_path} if cached else {}))
        assert sum(slices.labels) == 4
        assert slices.summary.items() >= {"with_mask": 2, "with_lesion": 0, "overruled": 2}.items()


@pytest.mark.parametrize("label", ["HGG", -1])
def test_a_label_that_is_no_class_is_named_unless_a_mask_decides(label: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dataset({**GOOD, "label": label}).labels == dataset(GOOD).labels
    with pytest.raises(DataError, match=f"subject a: label: expected a class, .*, found {label!r}"):
        dataset({**volume("a", None, None), "label": label})
