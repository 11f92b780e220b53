# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The inference of each bundle of brain MR on inputs that cannot be used, and on some slices only; with an untrained
network. `test_descargan_inference` does so with pictures, `test_l2i_inference` with whole volumes."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.apps.zoo.tiny_networks import TINY_SAMPLING
from monai_anomaly.utils import DataError

from .tiny_data import MODALITIES, NATIVE, write_case
from .workflow import BUNDLES, infer, write_random_weights

TINY = {bundle: {"load_pretrain": False, **NATIVE, **options} for bundle, options in TINY_SAMPLING.items()}
MAPS = {"diffanomaly": "map", "diffseg": "mean", "difftranslation": "map"}
each_bundle = pytest.mark.parametrize("bundle", sorted(TINY))


def test_no_bundle_is_forgotten() -> None:
    assert {*TINY, "descargan", "l2i_classification"} >= {bundle.name for bundle in BUNDLES}


@each_bundle
def test_batch_continues_with_what_can_be_used(bundle: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    inputs, output = tmp_path / "in", tmp_path / "out"
    for i in range(5):
        write_case(inputs / f"p{i}", nan=i == 0)
    (inputs / "p1" / "t1.nii.gz").unlink()
    (inputs / "p3" / "flair.nii.gz").write_bytes(b"not an image")
    infer(bundle, output, dataset_dir=str(inputs), **TINY[bundle])
    assert {p.name for p in output.iterdir()} == {"p2", "p4", "left_out.json", "index.html"}
    left_out = {
        entry["case"]: entry["reason"] for entry in json.loads((output / "left_out.json").read_text(encoding="utf-8"))
    }
    assert list(left_out) == ["p0", "p1", "p3"]
    for case, word in (("p0", "t2.nii.gz"), ("p1", "t1"), ("p3", "flair.nii.gz")):
        assert str(inputs / case) in left_out[case] and word in left_out[case]
    assert "3 left out" in capsys.readouterr().out


@each_bundle
def test_results_say_their_place_in_the_words_of_their_input(bundle: str, tmp_path: Path) -> None:
    """A file whose two forms disagree, and beside it one whose voxels are written in microns without saying so."""
    inputs, output = tmp_path / "in", tmp_path / "out"
    for i, scale in enumerate((1, 6000)):
        for file in write_case(inputs / f"p{i}", affine=np.diag([scale, scale, scale, 1.0])).iterdir():
            image = nib.load(file)
            turned = np.array([[0, -1.0, 0, 40], [1.0, 0, 0, 7], [0, 0, 1.0, -9], [0, 0, 0, 1]])
            image.header.set_qform(scale * turned, 1)
            image.header.set_sform(image.affine, 4)
            nib.save(nib.Nifti1Image(image.get_fdata(dtype=np.float32), None, image.header), file)
    infer(bundle, output, dataset_dir=str(inputs), **TINY[bundle])
    (entry,) = json.loads((output / "left_out.json").read_text(encoding="utf-8"))
    assert entry["case"] == "p1" and "written in microns?" in entry["reason"]
    source = nib.load(inputs / "p0" / "t1.nii.gz").header
    for file in output.glob("p0/*.nii.gz"):
        header = nib.load(file).header
        np.testing.assert_array_equal(header.get_sform(), source.get_sform())
        np.testing.assert_array_equal(header.get_qform(), source.get_qform())
        assert (header["qform_code"], header["sform_code"]) == (1, 4)


@each_bundle
def test_datalist_with_a_missing_file(bundle: str, tmp_path: Path) -> None:
    samples = []
    for i in range(2):
        folder = write_case(tmp_path / f"p{i}")
        samples.append({"image": [str(folder / f"{m}.nii.gz") for m in MODALITIES]})
    (tmp_path / "p0" / "t1ce.nii.gz").unlink()
    (tmp_path / "datalist.json").write_text(json.dumps({"test": samples}))
    infer(bundle, tmp_path / "out", dataset_dir=str(tmp_path / "datalist.json"), **TINY[bundle])
    (entry,) = json.loads((tmp_path / "out" / "left_out.json").read_text(encoding="utf-8"))
    assert "t1ce.nii.gz: expected an image file, found nothing" in entry["reason"]


@each_bundle
def test_slices_outside_the_range_stay_dark(bundle: str, tmp_path: Path) -> None:
    """The range counts slices from the feet up, whatever the orientation of the file."""
    case = write_case(tmp_path / "p", (16, 16, 6))
    for file in case.iterdir():  # the first slice of the file is the top one
        image = nib.load(file)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:, :, ::-1], np.diag([1, 1, -1, 1])), file)
    write_random_weights(bundle, tmp_path / "model.pt")
    options = {**TINY[bundle], "load_pretrain": True, "displayable_configs#slice_range": [3, 5]}
    infer(bundle, tmp_path / "out", dataset_dir=str(case), **options, ckpt_dir=str(tmp_path))
    score = nib.load(tmp_path / "out" / "p" / f"{MAPS[bundle]}.nii.gz").get_fdata()
    assert score.any((0, 1)).tolist() == [False, True, True, False, False, False]
    scores = json.loads((tmp_path / "out" / "p" / "scores.json").read_text(encoding="utf-8"))
    assert scores["settings"]["slice_range"] == [3, 5]


@each_bundle
def test_single_input_that_cannot_be_used_is_an_error(bundle: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:  # of monai.bundle, which evaluates the expression that runs
        infer(bundle, tmp_path / "out", dataset_dir=str(write_case(tmp_path / "p", nan=True)), **TINY[bundle])
    assert isinstance(caught.value.__cause__, DataError) and "t2.nii.gz: expected finite" in str(caught.value.__cause__)
    assert not (tmp_path / "out").exists()
