# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The inference configuration on pictures and volumes, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from monai_anomaly.apps.zoo.tiny_networks import TINY_GAN
from monai_anomaly.utils import DataError

from .tiny_data import write_case, write_picture
from .workflow import infer, write_random_weights

TINY = {**TINY_GAN, "spatial_size": [32, 32]}


def translate(folder: Path, inputs: Path, *names: str, **overrides: Any) -> Path:
    """Apply random weights; the folder of what was written."""
    options = {**TINY, **overrides}
    network = {key: value for key, value in options.items() if key.startswith(("network_def", "moves"))}
    write_random_weights("descargan", folder / "model.pt", *names, **network)
    infer("descargan", folder / "out", *names, dataset_dir=str(inputs), ckpt_dir=str(folder), **options)
    return folder / "out"


def read(case: Path, name: str) -> np.ndarray:
    return nib.load(case / f"{name}.nii.gz").get_fdata()


def test_batch_continues_with_what_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for i in range(3):
        write_picture(tmp_path / "in" / f"x{i}.png", seed=i)
    (tmp_path / "in" / "x0.png").write_bytes(b"not an image")
    Image.fromarray(np.full((32, 32), 7, dtype=np.uint16)).save(tmp_path / "in" / "x1.png")
    output = translate(tmp_path, tmp_path / "in")
    assert {p.name for p in output.iterdir()} == {"x2", "left_out.json", "index.html"}
    left_out = {
        entry["case"]: entry["reason"] for entry in json.loads((output / "left_out.json").read_text(encoding="utf-8"))
    }
    assert "x0.png: expected a readable image" in left_out["x0"] and "only the value 7" in left_out["x1"]
    assert "2 left out" in capsys.readouterr().out


def test_single_input_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    values = np.zeros((32, 32), dtype=np.float32)
    values[3, 4] = np.nan
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "x.nii.gz")
    with pytest.raises(RuntimeError) as caught:  # of monai.bundle, which evaluates the expression that runs
        translate(tmp_path, tmp_path / "x.nii.gz")
    assert isinstance(caught.value.__cause__, DataError) and "x.nii.gz: expected finite" in str(caught.value.__cause__)
    assert not (tmp_path / "out").exists()


def test_built_in_images_are_read_over_their_whole_range(tmp_path: Path) -> None:
    """16-bit pictures: black is -1 for the network, white 1, and what is written is a share of the range."""
    pixels = np.zeros((32, 32), dtype=np.uint16)
    pixels[:16], pixels[16:] = 65535, 13107
    Image.fromarray(pixels).save(tmp_path / "x.png")
    case = translate(tmp_path, tmp_path / "x.png") / "x"
    image = np.clip(read(case, "reconstruction") - read(case, "difference"), 0, 1)
    np.testing.assert_allclose(image, (pixels / 65535).T, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 4])
def test_statistics_of_the_image(tmp_path: Path, batch: int) -> None:
    """Whatever the batch size, each image is normalized by itself."""
    for i in range(2):
        write_picture(tmp_path / "in" / f"x{i}.png", seed=i)
    options = {"network_def#generator#norm": "batch", "displayable_configs#batch_size": batch}
    found = {}
    for statistics in ("running", "image"):
        options["displayable_configs#statistics"] = statistics
        output = translate(tmp_path / statistics, tmp_path / "in", **options)
        found[statistics] = read(output / "x1", "reconstruction")
        assert (
            json.loads((output / "x1" / "scores.json").read_text(encoding="utf-8"))["settings"]["statistics"]
            == statistics
        )
    assert np.abs(found["running"] - found["image"]).max() > 1e-3


def test_target_may_be_the_disease(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "x.png")
    made = [
        read(
            translate(tmp_path / str(target), picture, **{"displayable_configs#target": target}) / "x", "reconstruction"
        )
        for target in (0, 1)
    ]
    assert np.abs(made[0] - made[1]).max() > 1e-3


def test_volume_is_taken_slice_by_slice_in_its_own_geometry(tmp_path: Path) -> None:
    affine = np.array([[0, -4.0, 0, 60], [-4.0, 0, 0, 70], [0, 0, 5.0, -40], [0, 0, 0, 1]])
    case = write_case(tmp_path / "p", (30, 28, 5), affine, names=["image"])
    output = translate(tmp_path, case / "image.nii.gz", **{"displayable_configs#slice_range": [2, 4]}) / "image"
    for name in ("map", "reconstruction", "difference", "mask"):
        written = nib.load(output / f"{name}.nii.gz")
        assert written.shape == (30, 28, 5)
        np.testing.assert_allclose(written.affine, affine, atol=1e-4)
    assert read(output, "map").any((0, 1)).tolist() == [False, False, True, True, False]


def test_where_the_image_was_moved(tmp_path: Path) -> None:
    """In mm of the file, between its slices nothing; only where the generator moves, and by an option."""
    affine = np.array([[0, -4.0, 0, 60], [-2.0, 0, 0, 70], [0, 0, 5.0, -40], [0, 0, 0, 1]])
    case = write_case(tmp_path / "p", (30, 28, 3), affine, names=["image"])
    output = translate(tmp_path / "moves", case / "image.nii.gz") / "image"
    written = nib.load(output / "displacement.nii.gz")
    field = written.get_fdata()
    assert written.header.get_intent()[0] == "vector" and field.shape == (30, 28, 3, 1, 3)
    np.testing.assert_allclose(written.affine, affine, atol=1e-4)
    assert not field[..., 2].any() and all(field[..., i].any() for i in (0, 1))
    assert np.abs(field[..., 0]).max() <= 0.2 * 16 * 4 and np.abs(field[..., 1]).max() <= 0.2 * 16 * 2
    assert read(output, "log_jacobian").shape == (30, 28, 3)
    without = {"displayable_configs#with_displacement": False}, {"moves": False}
    for number, options in enumerate(without):
        found = translate(tmp_path / str(number), case / "image.nii.gz", **options) / "image"
        assert not {"displacement.nii.gz", "log_jacobian.nii.gz"} & {path.name for path in found.iterdir()}


@pytest.mark.parametrize(("name", "size"), [("cxr64", (64, 64)), ("chexpert", (320, 390))])
def test_overlays_of_the_x_rays_read_pictures(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, size[::-1], dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    options = {"spatial_size": [64, 64]} if name == "cxr64" else {"spatial_size": [256, 256]}
    case = translate(tmp_path, tmp_path / "x.png", f"inference_{name}", **options) / "x"
    assert {read(case, kind).shape for kind in ("map", "reconstruction", "difference", "mask")} == {size}
    assert json.loads((case / "scores.json").read_text(encoding="utf-8"))["threshold"]["origin"] == "per_image_otsu"
