# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import stat
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.data.phantom import make_subject
from monai_anomaly.registration import Volume, load_brain_template
from monai_anomaly.registration.head import _shells
from monai_anomaly.transforms import BrainExtraction, BrainExtractiond
from monai_anomaly.utils import DataError

FAKE_HD_BET = """#!/usr/bin/env python3
import sys, nibabel as nib, numpy as np
o = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if {fail}:
    sys.exit("no weights")
scan = nib.load(o["-i"])
mask = (scan.get_fdata() > 100).astype(np.uint8)
nib.save(nib.Nifti1Image(mask, scan.affine), o["-o"][:-7] + "_bet.nii.gz")
"""


def head(folder: Path | None = None) -> MetaTensor:
    """Brightness 200 in the brain, 50 to 56 around it."""
    values = (50 + np.indices((40, 50, 40)).sum(0) % 7).astype(np.float32)
    values[10:30, 10:40, 10:30] = 200
    image = MetaTensor(torch.from_numpy(values[None]), affine=torch.diag(torch.tensor([-4.0, 4, 4, 1])))
    if folder is not None:
        nib.save(nib.Nifti1Image(values, np.diag([-4.0, 4, 4, 1])), folder / "scan.nii.gz")
        image.meta["filename_or_obj"] = str(folder / "scan.nii.gz")
    return image


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, fail: bool = False) -> None:
    (folder / "bin").mkdir()
    command = folder / "bin" / "hd-bet"
    command.write_text(FAKE_HD_BET.format(fail=fail))
    command.chmod(command.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")


def test_a_mask_beside_the_scan_comes_first(tmp_path: Path) -> None:
    image = head(tmp_path)
    mask = (np.asarray(image[0]) > 100).astype(np.uint8)[::-1]  # the same places on a grid that runs the other way
    affine = np.diag([4.0, 4, 4, 1])
    affine[0, 3] = -4 * 39
    nib.save(nib.Nifti1Image(mask, affine), tmp_path / "scan_bet.nii.gz")
    brain, report = BrainExtraction()(image)
    assert report["method"] == "file" and report["file"].endswith("scan_bet.nii.gz")
    assert torch.equal(brain[0] > 0, image[0] > 100) and brain.dtype == torch.uint8
    assert report["milliliters"] == pytest.approx(20 * 30 * 20 * 0.064, rel=1e-6)


def test_a_mask_of_another_scan_is_refused(tmp_path: Path) -> None:
    image = head(tmp_path)
    affine = np.diag([-4.0, 4, 4, 1])
    affine[:3, 3] = 500
    nib.save(nib.Nifti1Image((np.asarray(image[0]) > 100).astype(np.uint8), affine), tmp_path / "scan_bet.nii.gz")
    with pytest.raises(DataError, match="expected a mask of this scan"):
        BrainExtraction()(image)


def test_a_stripped_scan_is_recognized() -> None:
    person = make_subject(1, "A", None, spacing=4.0)
    image = MetaTensor(torch.from_numpy(person.image[:1]), affine=torch.from_numpy(person.affine))
    brain, report = BrainExtraction()(image)
    assert report["method"] == "stripped" and report["warnings"] == []
    assert np.array_equal(np.asarray(brain[0]) > 0, person.mask > 0)


def test_hd_bet_is_run_and_its_mask_comes_back_on_the_scans_grid(tmp_path: Path, monkeypatch) -> None:
    fake(tmp_path, monkeypatch)
    brain, report = BrainExtraction()(head())
    assert report["method"] == "hd-bet" and torch.equal(brain[0] > 0, head()[0] > 100)


def test_a_failing_hd_bet_is_quoted(tmp_path: Path, monkeypatch) -> None:
    fake(tmp_path, monkeypatch, fail=True)
    with pytest.raises(DataError, match="hd-bet failed: no weights"):
        BrainExtraction("hd-bet")(head())


def test_without_hd_bet_the_template_serves_and_says_so(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    template = load_brain_template()
    shells, _ = _shells(template)
    values = torch.from_numpy(np.maximum(shells.values, 0.01)[None])
    d = BrainExtractiond("t1")({"t1": MetaTensor(values, affine=torch.from_numpy(shells.affine))})
    assert d["brain_report"]["method"] == "template" and "rough at its rim" in d["brain_report"]["warnings"][0]
    true = template.image.above_zero().pulled(np.eye(4), shells).values > 0.5
    found = np.asarray(d["brain"][0]) > 0
    assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.95


@pytest.mark.parametrize(
    ("method", "message"),
    [("file", "expected a brain mask beside it"), ("hd-bet", "expected the command hd-bet")],
)
def test_a_method_that_is_not_possible_is_an_error(method: str, message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DataError, match=message):
        BrainExtraction(method)(head(tmp_path))
    with pytest.raises(DataError, match=r"expected a volume \(1, X, Y, Z\)"):
        BrainExtraction(method)(head()[0])


def test_a_slab_of_a_head_is_not_taken_for_a_stripped_brain(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    choose = BrainExtraction()._choose
    values = np.zeros((60, 60, 9), np.float32)
    values[12:48, 10:50] = 100  # air is 0, but the head goes through the first and the last slice
    image = MetaTensor(torch.from_numpy(values[None]), affine=torch.diag(torch.tensor([4.0, 4, 6, 1])))
    assert choose(image, Volume.of(image), ()) == ("template", None)


def test_nothing_is_no_brain() -> None:
    image = MetaTensor(torch.zeros(1, 40, 40, 40))
    with pytest.raises(DataError, match="expected a brain, found none with the method 'stripped'"):
        BrainExtraction("stripped")(image)


def test_every_scan_needs_a_key_for_its_mask() -> None:
    with pytest.raises(ValueError, match="one mask key"):
        BrainExtractiond(["t1", "t2"])
