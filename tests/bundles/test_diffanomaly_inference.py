# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The inference configuration on made-up volumes, with an untrained network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigWorkflow
from PIL import Image

from monai_anomaly.data.phantom import make_subject
from monai_anomaly.utils import DataError

from .tiny_network import TINY_NETWORK

CONFIGS = Path(__file__).resolve().parents[2] / "bundles" / "diffanomaly" / "configs"
TINY = {
    "load_pretrain": False,
    "spatial_size": [16, 16],
    "pixdim": [-1.0, -1.0, -1.0],
    "device": "$torch.device('cpu')",
    "displayable_configs#steps": 2,
    "displayable_configs#substeps": 1,
    "displayable_configs#threshold": "otsu",
}


SHIFTED = np.array([[1.0, 0, 0, 2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
"""The grid without its first two planes."""


def infer(output: Path, *names: str, **overrides: Any) -> None:
    workflow = ConfigWorkflow(
        config_file=[str(CONFIGS / f"{name}.json") for name in ("inference", *names)],
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=str(CONFIGS / "logging.conf"),
        workflow_type="infer",
        **{"output_dir": str(output), "ckpt_dir": str(output), **overrides},
    )
    workflow.initialize()
    workflow.run()


def write_case(folder: Path, nan: bool = False, depth: int = 4) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name in ("t1", "t1ce", "t2", "flair"):
        values = np.zeros((16, 16, depth), dtype=np.float32)
        values[3:13, 3:13] = 100 + 20 * rng.random((10, 10, depth))
        if nan and name == "t2":
            values[8, 8, 1] = np.nan
        nib.save(nib.Nifti1Image(values, np.eye(4)), folder / f"{name}.nii.gz")
    return folder


def test_batch_goes_on_with_what_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    inputs, output = tmp_path / "in", tmp_path / "out"
    for i in range(5):
        write_case(inputs / f"p{i}", nan=i == 0)
    (inputs / "p1" / "t1.nii.gz").unlink()
    (inputs / "p3" / "flair.nii.gz").write_bytes(b"not an image")
    infer(output, dataset_dir=str(inputs), **TINY)
    assert {p.name for p in output.iterdir()} == {"p2", "p4", "left_out.json"}
    left_out = {entry["case"]: entry["reason"] for entry in json.loads((output / "left_out.json").read_text())}
    assert list(left_out) == ["p0", "p1", "p3"]
    for case, word in (("p0", "t2.nii.gz"), ("p1", "t1"), ("p3", "flair.nii.gz")):
        assert str(inputs / case) in left_out[case] and word in left_out[case]
    assert "3 left out" in capsys.readouterr().out


def test_datalist_with_a_missing_file(tmp_path: Path) -> None:
    samples = []
    for i in range(2):
        folder = write_case(tmp_path / f"p{i}")
        samples.append({"image": [str(folder / f"{m}.nii.gz") for m in ("t1", "t1ce", "t2", "flair")]})
    (tmp_path / "p0" / "t1ce.nii.gz").unlink()
    (tmp_path / "datalist.json").write_text(json.dumps({"test": samples}))
    infer(tmp_path / "out", dataset_dir=str(tmp_path / "datalist.json"), **TINY)
    (entry,) = json.loads((tmp_path / "out" / "left_out.json").read_text())
    assert "t1ce.nii.gz: expected an image file, found nothing" in entry["reason"]


def test_slices_outside_the_range_stay_dark(tmp_path: Path) -> None:
    """The range counts slices from the feet up, whatever the orientation of the file."""
    case = write_case(tmp_path / "p", depth=6)
    for file in case.iterdir():  # the first slice of the file is the top one
        image = nib.load(file)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:, :, ::-1], np.diag([1, 1, -1, 1])), file)
    infer(tmp_path / "out", dataset_dir=str(case), **{**TINY, "displayable_configs#slice_range": [3, 5]})
    score = nib.load(tmp_path / "out" / "p" / "map.nii.gz").get_fdata()
    assert score.any((0, 1)).tolist() == [False, True, True, False, False, False]
    scores = json.loads((tmp_path / "out" / "p" / "scores.json").read_text())
    assert scores["settings"]["slice_range"] == [3, 5]


def test_raw_scans_are_preprocessed_and_results_come_back_to_the_reference(tmp_path: Path) -> None:
    person = make_subject(2, "A", "tumour", spacing=4.0)
    turn = np.array([[0, -1, 0, 30], [0.98, 0, 0.17, -20], [-0.17, 0, 0.98, 10], [0, 0, 0, 1]])
    (tmp_path / "p").mkdir()
    for i, name in enumerate(("t1", "t1ce", "t2", "flair")):
        # the last contrast has a grid of its own
        values, affine = (person.image[i], person.affine) if i < 3 else (person.image[i][2:], person.affine @ SHIFTED)
        nib.save(nib.Nifti1Image(values, turn @ affine), tmp_path / "p" / f"{name}.nii.gz")
    raw = {"spacing": 6.0, "spatial_size": [28, 34, 28], "steps": ["register", "strip"]}
    options = {f"preprocessing#transforms#0#{k}": v for k, v in raw.items()}
    size = {"spatial_size": [32, 40]}
    infer(tmp_path / "out", dataset_dir=str(tmp_path / "p"), raw=True, **{**TINY, **options, **size})
    reference = nib.load(tmp_path / "p" / "t1.nii.gz")
    for name in ("map", "healthy", "mask"):
        written = nib.load(tmp_path / "out" / "p" / f"{name}.nii.gz")
        assert written.shape[:3] == reference.shape
        np.testing.assert_allclose(written.affine, reference.affine, atol=1e-4)
    report = json.loads((tmp_path / "out" / "p" / "preprocessing.json").read_text())
    assert report["registration"]["overlap"] > 0.85 and set(report["session"]) == {"flair"}
    score = nib.load(tmp_path / "out" / "p" / "map.nii.gz").get_fdata()
    assert score.any() and (score[person.mask > 0] > 0).mean() > 0.8 > 0.1 > (score[person.mask == 0] > 0).mean()


def test_overlay_of_the_thesis_translates_its_slices(tmp_path: Path) -> None:
    case, output = write_case(tmp_path / "p", depth=6), tmp_path / "out"
    overrides = {**TINY, **TINY_NETWORK, "inferer#divisor": 8, "displayable_configs#slice_range": [2, 4]}
    infer(output, "inference_thesis", dataset_dir=str(case), **overrides)
    healthy = nib.load(output / "p" / "healthy.nii.gz").get_fdata()
    outside = healthy[:, :, [0, 1, 4, 5]]  # the input itself: shares of [0, 1]
    assert outside.min() == 0 and outside.max() == 1
    assert json.loads((output / "p" / "scores.json").read_text())["settings"]["order"] == 1


def test_overlay_of_the_x_rays_reads_pictures(tmp_path: Path) -> None:
    for i in range(2):
        pixels = np.random.default_rng(i).integers(0, 255, (64, 64), dtype=np.uint8)
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "in" / f"x{i}.png")
    tiny = {k: v for k, v in TINY.items() if k not in ("spatial_size", "pixdim")}
    infer(tmp_path / "out", "inference_cxr64", dataset_dir=str(tmp_path / "in"), **tiny)
    assert nib.load(tmp_path / "out" / "x1" / "map.nii.gz").shape == (64, 64)


def test_single_input_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:  # of monai.bundle, which evaluates the expression that runs
        infer(tmp_path / "out", dataset_dir=str(write_case(tmp_path / "p", nan=True)), **TINY)
    assert isinstance(caught.value.__cause__, DataError) and "t2.nii.gz: expected finite" in str(caught.value.__cause__)
    assert not (tmp_path / "out").exists()
