# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.metrics import AnomalyCases, SegmentationCases
from monai_anomaly.metrics.slice_cases import SliceCases, as_array
from monai_anomaly.utils import DataError


def test_both_kinds_of_cases_share_the_base() -> None:
    assert issubclass(AnomalyCases, SliceCases) and issubclass(SegmentationCases, SliceCases)


def test_arrays_come_from_anything() -> None:
    assert as_array(None) is None
    array = as_array(MetaTensor(torch.ones(2, 3, dtype=torch.float64, requires_grad=True)))
    assert type(array) is np.ndarray and array.dtype == np.float32
    assert as_array([[1, 2]]).shape == (1, 2)


def test_unnamed_slices_are_all_kept() -> None:
    a, b = AnomalyCases(), AnomalyCases()
    for cases in (a, b):
        cases.append(np.ones((1, 2, 2)), np.ones((1, 2, 2)))
    a.extend(b)
    assert len(a) == 2 and len(a["map"]) == 2


def test_an_empty_set_has_no_fields() -> None:
    with pytest.raises(DataError, match="found none"):
        SliceCases()["image"]


def test_sets_are_matched_by_subject_and_slice() -> None:
    cases = AnomalyCases()
    for subject, index in (("a", 1), ("a", 2), ("b", 1)):
        cases.append(np.ones((1, 2, 2)), np.ones((1, 2, 2)), subject=subject, slice=index)
    assert cases.slice_keys == [("a", "1"), ("a", "2"), ("b", "1")] and cases.subset([2]).slice_keys == [("b", "1")]
    assert SliceCases().slice_keys == []
