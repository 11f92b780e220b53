# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.utils import is_picture, lacks_spacing


@pytest.mark.parametrize(
    ("name", "picture", "lacks"),
    [
        ("a/x.PNG", True, True),
        ("x.jpeg", True, True),
        ("x.tif", True, True),
        ("x.npy", False, True),
        ("x.nii.gz", False, False),
        ("", False, False),
    ],
)
def test_pictures_are_told_by_their_suffix(name: str, picture: bool, lacks: bool) -> None:
    image = MetaTensor(torch.zeros(1, 2, 2), meta={"filename_or_obj": name})
    assert is_picture(image) is picture and lacks_spacing(image) is lacks
    assert not lacks_spacing(MetaTensor(torch.zeros(1, 2, 2, 2), meta={"filename_or_obj": name}))
    assert not is_picture(torch.zeros(1)) and not lacks_spacing(torch.zeros(1, 2, 2))
