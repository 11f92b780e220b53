# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.engines import TranslationPrepareBatch
from monai_anomaly.utils import DataError


def batch() -> dict[str, Any]:
    return {
        "image": torch.rand(3, 1, 4, 4),
        "size": torch.tensor([[0.1], [0.2], [0.3]]),
        "target_mask": torch.ones(3, 1, 4, 4),
        "edit": ["grow", "insert", "grow"],
    }


def test_targets_are_numbers_and_masks() -> None:
    given = TranslationPrepareBatch({"size": "size", "tumor": "target_mask"})(batch())[3]
    assert given["masks"] == {} and given["targets"]["tumor"].shape == (3, 1, 4, 4)
    torch.testing.assert_close(given["targets"]["size"], torch.tensor([0.1, 0.2, 0.3]))


def test_a_guide_leaves_images_of_other_edits_alone() -> None:
    edits = {"size": "grow", "tumor": ["insert", "move"]}
    acting = TranslationPrepareBatch({"size": "size", "tumor": "target_mask"}, edits=edits)(batch())[3]["acting"]
    assert acting["size"].tolist() == [True, False, True]
    assert acting["tumor"].tolist() == [False, True, False]


def test_a_mask_to_act_in() -> None:
    given = TranslationPrepareBatch(masks={"size": "target_mask"})(batch())[3]
    assert given["targets"] == {} and given["masks"]["size"].shape == (3, 1, 4, 4)


def test_images_keep_what_inverts_their_preprocessing() -> None:
    image = MetaTensor(torch.rand(1, 1, 4, 4), meta={"filename_or_obj": "a.nii.gz"})
    assert TranslationPrepareBatch()({"image": image})[0].meta["filename_or_obj"] == "a.nii.gz"


@pytest.mark.parametrize("missing", ["image", "size", "edit"])
def test_an_entry_that_is_missing_is_named(missing: str) -> None:
    prepare = TranslationPrepareBatch({"size": "size"}, edits={"size": ["grow"]})
    with pytest.raises(DataError, match=f"expected {missing} in the batch, found"):
        prepare({name: value for name, value in batch().items() if name != missing})
