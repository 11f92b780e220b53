# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import Compose, ResampleToMatchd

from monai_anomaly.data import InputDataset, borrow_masks, find_inputs, save_datalist, with_desired_masks
from monai_anomaly.data.input_loader import LeftOut
from monai_anomaly.transforms import CheckImaged, DesiredMaskd, LoadModalitiesd
from monai_anomaly.utils import DataError

HEALTHY = [{"image": f"h{i}.nii", "subject": f"h{i}", "label": 0} for i in range(40)]
DONORS = [{"image": f"d{i}.nii", "mask": f"m{i}.nii", "subject": f"d{i}", "label": 1} for i in range(5)]
KEYS = ["image", "target_mask"]


def _nifti(path: Path, values: np.ndarray, spacing: float = 1.0) -> str:
    nib.save(nib.Nifti1Image(values.astype(np.float32), np.diag([spacing] * 3 + [1.0])), path)
    return str(path)


def _scan(path: Path) -> str:
    values = np.zeros((8, 8, 8))
    values[1:7, 1:7, 1:7] = np.random.default_rng(0).uniform(1, 2, (6, 6, 6))
    return _nifti(path, values)


def _mask(path: Path, size: int = 8) -> str:
    mask = np.zeros((size, size, size))
    inner = slice(size // 4, size // 2)
    mask[inner, inner, inner] = 1
    return _nifti(path, mask, 8 / size)


def test_every_healthy_sample_borrows_a_mask_and_all_donors_give_one() -> None:
    found = borrow_masks([*HEALTHY, *DONORS], [*DONORS, *HEALTHY], seed=1)
    assert [s["subject"] for s in found] == [s["subject"] for s in HEALTHY]
    masks = {d["subject"]: d["mask"] for d in DONORS}
    assert all(s["target_mask"] == masks[s["donor"]] and s["edit"] == "insert" for s in found)
    assert {s["donor"] for s in found} == set(masks)


def test_the_mask_of_a_subject_depends_on_nobody_else() -> None:
    found = borrow_masks(HEALTHY, DONORS, seed=1)
    assert borrow_masks(HEALTHY[::-1], DONORS[::-1], seed=1) == found[::-1]
    assert borrow_masks(HEALTHY[3:4], DONORS, seed=1) == found[3:4]
    assert borrow_masks(HEALTHY, DONORS, seed=2) != found


def test_nobody_borrows_their_own_mask() -> None:
    twins = [{**d, "label": 0} for d in DONORS]
    again = [{**d, "label": 0, "subject": f"{d['subject']}_2", "patient": d["subject"]} for d in DONORS]
    for seed in range(10):
        assert all(s["donor"] != s["subject"] for s in borrow_masks(twins, DONORS, seed))
        assert all(s["donor"] != s["patient"] for s in borrow_masks(again, DONORS, seed))


@pytest.mark.parametrize(
    ("samples", "donors", "message"),
    [
        (DONORS, DONORS, "expected healthy samples to put lesions into, found none among 5"),
        (HEALTHY, HEALTHY, "expected a diseased donor with a mask for h0, found none among 40"),
        ([{**DONORS[0], "label": 0}], DONORS[:1], "expected a diseased donor with a mask for d0"),
    ],
)
def test_nothing_to_borrow(samples: list, donors: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        borrow_masks(samples, donors)


def test_a_borrowed_mask_of_another_grid_comes_to_that_of_the_image(tmp_path: Path) -> None:
    samples = [{"image": _scan(tmp_path / "h.nii"), "subject": "h", "label": 0}]
    donors = [
        {"image": "d.nii", "mask": _nifti(tmp_path / "m.nii", np.ones((16, 16, 16)), 0.5), "subject": "d", "label": 1}
    ]
    transform = Compose([
        LoadModalitiesd(KEYS),
        ResampleToMatchd("target_mask", key_dst="image", mode="nearest"),
        CheckImaged(KEYS),
        DesiredMaskd("target_mask", cut=True),
    ])  # fmt: skip
    sample: Any = transform(borrow_masks(samples, donors)[0])
    mask, image = sample["target_mask"], sample["image"]
    assert mask.shape == image.shape and int(mask.sum()) > 0 and not mask[image == 0].any()


def test_a_file_for_one_image(tmp_path: Path) -> None:
    inputs = find_inputs(_scan(tmp_path / "scan.nii.gz"), ["t1"])
    mask = _mask(tmp_path / "where.nii.gz")
    (sample,) = with_desired_masks(inputs, mask)
    assert sample == {**inputs[0], "target_mask": mask}
    with pytest.raises(DataError, match=r"where\.nii\.gz: expected one image to put this mask into, found 2"):
        with_desired_masks([*inputs, *inputs], mask)
    with pytest.raises(DataError, match=r"nowhere\.nii: expected the mask of what is to be put in, found no such"):
        with_desired_masks(inputs, tmp_path / "nowhere.nii")
    with pytest.raises(DataError, match="found no 'target_mask' of scan"):
        with_desired_masks(inputs)


def test_masks_of_a_datalist_and_the_images_that_have_none(tmp_path: Path) -> None:
    scans = [{"image": _scan(tmp_path / f"{name}.nii"), "subject": name} for name in "abc"]
    scans[0]["target_mask"], scans[2]["target_mask"] = _mask(tmp_path / "where.nii"), _mask(tmp_path / "c_where.nii", 4)
    scans[0]["target"] = scans[0]["image"]
    save_datalist(tmp_path / "list.json", {"modalities": ["t1"], "test": scans})
    inputs = with_desired_masks(find_inputs(tmp_path / "list.json", ["t1"], keep=["target_mask"]))
    assert "target" not in inputs[0]
    check = Compose([LoadModalitiesd(KEYS), CheckImaged(KEYS), DesiredMaskd("target_mask")])
    good, without, other = (InputDataset(inputs, check)[i] for i in range(3))
    assert not isinstance(good, LeftOut), good
    assert good["target_mask"].sum() > 0
    assert isinstance(without, LeftOut) and "b.nii: expected a mask of what is to be put in" in without.reason
    assert isinstance(other, LeftOut) and "c_where.nii: expected the spatial shape" in other.reason
