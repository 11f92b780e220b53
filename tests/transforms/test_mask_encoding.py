# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.transforms import DecodeMaskd, EncodeMaskd, MaskEncoding
from monai_anomaly.utils import DataError

LABELS = torch.tensor([[[0, 1, 2], [4, 2, 0]]])


@pytest.mark.parametrize("kind", ["classes", "regions"])
def test_round_trip(kind) -> None:
    encoding = MaskEncoding(kind)
    assert torch.equal(encoding.decode(encoding.encode(LABELS)), LABELS.to(torch.uint8))


def test_binary_keeps_the_extent_alone() -> None:
    encoding = MaskEncoding("binary")
    assert encoding.names == ("lesion",)
    assert torch.equal(encoding.decode(encoding.encode(LABELS)), (LABELS > 0).to(torch.uint8))


def test_classes_exclude_each_other_and_regions_nest() -> None:
    classes, regions = (MaskEncoding(kind).encode(LABELS) for kind in ("classes", "regions"))
    assert torch.equal(classes.sum(0), (LABELS[0] > 0).float())
    assert ((regions[1] <= regions[0]) & (regions[2] <= regions[1])).all()
    whole, core, enhancing = regions
    assert torch.equal(whole, (LABELS[0] > 0).float())
    assert torch.equal(core, ((LABELS[0] == 1) | (LABELS[0] == 4)).float())
    assert torch.equal(enhancing, (LABELS[0] == 4).float())


def test_uncertain_classes_are_lesion_where_they_exceed_the_threshold_together() -> None:
    encoding = MaskEncoding("classes")
    probability = torch.tensor([0.2, 0.4, 0.1]).reshape(3, 1, 1)
    assert encoding.decode(probability).item() == 2
    assert encoding.decode(probability / 2).item() == 0


def test_inner_region_outside_of_the_outer_is_painted_all_the_same() -> None:
    assert MaskEncoding("regions").decode(torch.tensor([0.0, 0.0, 1.0]).reshape(3, 1, 1)).item() == 4


def test_labels_of_another_year() -> None:
    encoding = MaskEncoding("regions", classes={"necrosis": 1, "oedema": 2, "enhancing": 3})
    label_map = torch.tensor([[[0, 1, 2, 3]]])
    assert torch.equal(encoding.decode(encoding.encode(label_map)), label_map.to(torch.uint8))
    with pytest.raises(DataError, match=r"values \[4\.0\]"):
        encoding.encode(torch.tensor([[[4.0]]]))


@pytest.mark.parametrize("kind", ["binary", "classes", "regions"])
def test_values_that_are_a_little_off_and_values_that_are_none(kind) -> None:
    encoding = MaskEncoding(kind)
    assert torch.equal(encoding.encode(LABELS + 4e-4 * (LABELS > 0)), encoding.encode(LABELS))
    with pytest.raises(DataError, match="NaN"):
        encoding.encode(torch.tensor([[[1.0, float("nan")]]]))


def test_classes_moved_by_a_scale_factor_are_read_and_strangers_named_with_their_file() -> None:
    encode = EncodeMaskd("mask", MaskEncoding("regions"))
    stored = MetaTensor(torch.tensor([[[3e-5, 1.0039], [1.9922, 4.0]]]), meta={"filename_or_obj": "seg.nii"})
    assert torch.equal(
        encode({"mask": stored})["mask"].as_tensor(), MaskEncoding("regions").encode(torch.tensor([[[0, 1], [2, 4]]]))
    )
    with pytest.raises(DataError, match=r"seg\.nii: expected a label map with the classes .*values \[3\.0\]"):
        encode({"mask": stored + 2 * (stored > 0.5) * (stored < 1.5)})


def test_a_mask_that_was_interpolated_is_refused() -> None:
    with pytest.raises(DataError, match=r"0\.5"):
        MaskEncoding("classes").encode(torch.tensor([[[0.5]]]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "onehot"}, "kind must be one of"),
        ({"kind": "regions", "regions": {"WT": ["blood"]}}, "unknown classes"),
        ({"kind": "regions", "regions": {"WT": ["necrosis", "oedema"]}}, "one class more"),
        ({"kind": "regions", "regions": {"ET": ["enhancing"], "TC": ["necrosis", "enhancing"]}}, "one class more"),
    ],
)
def test_bad_arguments(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        MaskEncoding(**arguments)


def test_wrong_number_of_channels() -> None:
    with pytest.raises(ValueError, match=r"expected 3 channel.*got 1"):
        MaskEncoding("regions").decode(torch.zeros(1, 2, 2))
    with pytest.raises(DataError, match="one channel"):
        MaskEncoding().encode(torch.zeros(2, 2, 2))


def test_dictionary_versions_keep_the_geometry() -> None:
    encoding, affine = MaskEncoding("regions"), torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0]))
    sample = {"mask": MetaTensor(LABELS, affine=affine), "image": torch.zeros(1)}
    encoded = EncodeMaskd("mask", encoding)(sample)
    assert encoded["mask"].shape[0] == 3 and torch.equal(encoded["mask"].affine, affine.double())
    decoded = DecodeMaskd("mask", encoding, output_key="label_map")(encoded)
    assert torch.equal(decoded["label_map"].as_tensor(), LABELS.to(torch.uint8))
    assert torch.equal(decoded["label_map"].affine, affine.double()) and decoded["label_map"].dtype == torch.uint8
    assert torch.equal(sample["mask"].as_tensor(), LABELS)
