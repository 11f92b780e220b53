# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

import monai_anomaly
from monai_anomaly.handlers import SaveCases
from tests.visualize.pictures import cells, center, is_blue, is_red, near, pixels

from .completed_iteration import complete

# voxels of 2 x 3 x 4 mm, a rotated grid, an odd origin
AFFINE = torch.tensor([[0.0, -3, 0, 5], [2, 0, 0, -7], [0, 0, 4, 11], [0, 0, 0, 1]], dtype=torch.float64)


def result(*spatial: int, channels: int = 2, affine: torch.Tensor = AFFINE, scales: int = 1) -> dict[str, Any]:
    g = torch.Generator().manual_seed(0)

    def image(n: int) -> MetaTensor:
        return MetaTensor(torch.rand(n, *spatial, generator=g), affine=affine)

    out: dict[str, Any] = {"image": image(channels), "threshold": {"value": 0.9, "origin": "average_otsu"}}
    for tail in ["", "_1", "_2"][:scales]:
        out |= {f"map{tail}": image(1), f"reconstruction{tail}": image(channels)}
    out["mask"] = (out["map"] > 0.9).to(torch.uint8)
    return {**out, "probability": torch.tensor(0.75)}


def save(folder: Path, results: list[dict[str, Any]], **options: Any) -> None:
    complete(SaveCases(folder, **options), [{"subject": f"p{i}"} for i in range(len(results))], results)


@pytest.mark.parametrize("spatial", [(6, 7, 5), (6, 7)])
def test_files_have_the_inputs_geometry_and_values(tmp_path: Path, spatial: tuple[int, ...]) -> None:
    found = result(*spatial)
    save(tmp_path, [found])
    assert {p.name for p in (tmp_path / "p0").iterdir()} == {
        "map.nii.gz", "reconstruction.nii.gz", "mask.nii.gz", "scores.json", "figure.png", "report.html",
    }  # fmt: skip
    for key in ("map", "reconstruction", "mask"):
        image = nib.load(tmp_path / "p0" / f"{key}.nii.gz")
        np.testing.assert_allclose(image.affine, AFFINE)
        array = np.asanyarray(image.dataobj)
        assert array.dtype == (np.uint8 if key == "mask" else np.float32)
        assert array.shape == (spatial if key != "reconstruction" else (*(*spatial, 1)[:3], 2))
        expected = np.moveaxis(found[key].numpy(), 0, -1)
        np.testing.assert_array_equal(array, expected.reshape(array.shape))
    assert len(cells(tmp_path / "p0" / "figure.png", 4 if len(spatial) == 3 else 1, 4)[0]) == 4


def test_affine_of_a_2d_image(tmp_path: Path) -> None:
    found = result(6, 7)
    small = torch.tensor([[2.0, 0, 5], [0, 3, 7], [0, 0, 1]], dtype=torch.float64)
    for key in ("map", "reconstruction", "mask", "image"):
        found[key] = found[key].as_tensor()
        found[key].affine = small
    save(tmp_path, [found])
    affine = nib.load(tmp_path / "p0" / "map.nii.gz").affine
    np.testing.assert_array_equal(affine, [[2, 0, 0, 5], [0, 3, 0, 7], [0, 0, 1, 0], [0, 0, 0, 1]])


def test_pictures_stand_upright(tmp_path: Path) -> None:
    """Their affine is the identity, as that of an anatomical image may be, but their first row is the upper one."""
    for name in ("xray.PNG", "slice.nii.gz"):
        found = result(10, 10, channels=1, affine=torch.eye(4, dtype=torch.float64))
        found["image"][:] = 0
        found["image"][:, :, 8:] = 1  # the largest y
        found["image"].meta["filename_or_obj"] = name
        save(tmp_path / name, [found])
        bright = cells(tmp_path / name / "p0" / "figure.png", 1, 4)[0][0][..., 0] > 127
        assert near(center(bright, rotate=name == "slice.nii.gz"), (0.5, 0.9))


@pytest.mark.parametrize("spatial", [(6, 9), (6, 9, 5)])
@pytest.mark.parametrize("order", ["LPS", "PRS", "ALS"])
def test_the_picture_is_the_same_in_any_orientation(tmp_path: Path, spatial: tuple[int, ...], order: str) -> None:
    found = result(*spatial, affine=torch.eye(4, dtype=torch.float64))
    save(tmp_path / "ras", [found])
    turn = Orientation(order, labels=None)
    for key in ("image", "map", "reconstruction", "mask"):
        volume = MetaTensor(found[key].as_tensor(), affine=torch.eye(4, dtype=torch.float64))
        turned = turn(volume if len(spatial) == 3 else volume[..., None])
        found[key] = turned if len(spatial) == 3 else MetaTensor(turned.as_tensor()[..., 0], affine=turned.affine)
    save(tmp_path / "turned", [found])
    np.testing.assert_array_equal(*(pixels(tmp_path / name / "p0" / "figure.png") for name in ("ras", "turned")))


def test_scores(tmp_path: Path) -> None:
    found = result(6, 7, 5)
    save(tmp_path, [found], settings={"scale": [1.0, 2.0]})
    scores = json.loads((tmp_path / "p0" / "scores.json").read_text(encoding="utf-8"))
    values, voxels = found["map"].numpy(), int((found["map"] > 0.9).sum())
    assert scores["case"] == "p0" and scores["threshold"] == {"value": 0.9, "origin": "average_otsu"}
    assert scores["mask_voxels"] == voxels > 0 and scores["mask_mm3"] == pytest.approx(24 * voxels)
    assert scores["map_mean"] == pytest.approx(values.mean()) and scores["map_max"] == pytest.approx(values.max())
    assert scores["map_mean_of_top_percent"] == pytest.approx(np.sort(values.ravel())[-2:].mean())
    assert scores["classifier_probability_diseased"] == 0.75 and scores["settings"] == {"scale": [1.0, 2.0]}
    assert scores["provenance"]["versions"]["monai_anomaly"] == monai_anomaly.__version__


def test_without_a_classifier_the_score_is_null(tmp_path: Path) -> None:
    found = result(4, 4, 4)
    del found["probability"]
    save(tmp_path, [found])
    assert (
        json.loads((tmp_path / "p0" / "scores.json").read_text(encoding="utf-8"))["classifier_probability_diseased"]
        is None
    )


def test_every_case_of_a_batch_and_every_scale(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    save(tmp_path, [result(4, 5, 3, scales=3), result(6, 4, 2, scales=3)])
    shapes = [nib.load(tmp_path / case / "map_2.nii.gz").shape for case in ("p0", "p1")]
    assert shapes == [(4, 5, 3), (6, 4, 2)] and (tmp_path / "p1" / "reconstruction_1.nii.gz").exists()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "p1" in lines[1] and "voxels above 0.9" in lines[1]


def test_empty_mask(tmp_path: Path) -> None:
    found = result(4, 4, 4)
    found["mask"] = found["mask"] * 0
    save(tmp_path, [found])
    scores = json.loads((tmp_path / "p0" / "scores.json").read_text(encoding="utf-8"))
    assert scores["mask_voxels"] == 0 and scores["mask_mm3"] == 0


def test_failing_write_leaves_the_file_of_the_run_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, [result(4, 4, 4)])
    before = (tmp_path / "p0" / "map.nii.gz").read_bytes()

    def full_disk(image: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(nib, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        save(tmp_path, [result(5, 5, 5)])
    assert (tmp_path / "p0" / "map.nii.gz").read_bytes() == before
    assert not [p for p in (tmp_path / "p0").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("spatial", [(6, 7, 5), (6, 7)])
def test_signed_difference_is_written_and_drawn_where_there_is_one(tmp_path: Path, spatial: tuple[int, ...]) -> None:
    plain, found = result(*spatial, scales=2), result(*spatial, scales=2)
    for tail in ("", "_1"):
        found[f"difference{tail}"] = found[f"reconstruction{tail}"] - found["image"].as_tensor()
    save(tmp_path, [plain, found])
    folders = [tmp_path / case for case in ("p0", "p1")]
    names = [{p.name for p in folder.iterdir()} for folder in folders]
    assert names[1] - names[0] == {"difference.nii.gz", "difference_1.nii.gz"}
    image = nib.load(folders[1] / "difference_1.nii.gz")
    array = np.asanyarray(image.dataobj)
    assert array.shape == (*(*spatial, 1)[:3], 2) and array.dtype == np.float32 and array.min() < 0 < array.max()
    np.testing.assert_allclose(image.affine, AFFINE)
    np.testing.assert_array_equal(array, np.moveaxis(found["difference_1"].numpy(), 0, -1).reshape(array.shape))
    rows = 4 if len(spatial) == 3 else 1
    without, signed = cells(folders[0] / "figure.png", rows, 4), cells(folders[1] / "figure.png", rows, 5)
    assert is_red(signed[0][2]).any() and is_blue(signed[0][2]).any()
    assert abs(without[0][1].mean() - signed[0][1].mean()) < 1  # the other columns stay


@pytest.mark.parametrize("spatial", [(40, 50), (12, 14, 16)])
def test_displacement_is_one_that_itk_applies(tmp_path: Path, spatial: tuple[int, ...]) -> None:
    """Right, anterior, superior in the result; the file moves the image as the network did."""
    itk = pytest.importorskip("itk")
    dims = len(spatial)
    affine = torch.diag(torch.tensor([-2.0, 3, 4, 1], dtype=torch.float64))  # as most files: x to the left
    found = result(*spatial, channels=1, affine=affine)
    steps = torch.tensor([3.0, -2, 1])[:dims]  # voxels
    world = (affine[:3, :dims].float() @ steps).reshape(-1, *[1] * dims).expand(-1, *spatial)
    found["displacement"] = MetaTensor(world.clone(), affine=affine)
    found["log_jacobian"] = MetaTensor(torch.zeros(1, *spatial), affine=affine)
    save(tmp_path, [found])
    file = tmp_path / "p0" / "displacement.nii.gz"
    header = nib.load(file).header
    assert header["intent_code"] == 1007 and header.get_data_shape() == (*spatial, *[1] * (4 - dims), dims)
    assert (tmp_path / "p0" / "log_jacobian.nii.gz").exists()
    read = itk.imread(str(file), itk.Vector[itk.F, dims])
    image = itk.imread(str(tmp_path / "p0" / "map.nii.gz"), itk.F)
    moved = itk.array_from_image(
        itk.warp_image_filter(image, displacement_field=read, output_parameters_from_image=image)
    ).T
    x = found["map"][0].numpy()
    inside = tuple(slice(4, -4) for _ in spatial)
    expected = np.roll(x, [-int(s) for s in steps], range(dims))
    np.testing.assert_allclose(moved[inside], expected[inside], atol=1e-5)


def test_the_page_shows_every_scale_and_the_mask(tmp_path: Path) -> None:
    found = result(6, 7, 5, scales=2) | {"difference": result(6, 7, 5)["image"]}
    layers = SaveCases(tmp_path).layers(found)
    assert [(layer.name, layer.kind) for layer in layers] == [
        ("input", "image"),
        ("healthy reconstruction", "image"),
        ("healthy reconstruction 1", "image"),
        ("anomaly map", "map"),
        ("anomaly map 1", "map"),
        ("signed difference", "difference"),
        ("mask", "outline"),
    ]
    assert layers[3].limits[1] >= 1.5 * 0.9  # a healthy case looks healthy
    np.testing.assert_array_equal(layers[0].values, found["image"][-1].numpy())
