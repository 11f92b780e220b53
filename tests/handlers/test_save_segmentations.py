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
from monai_anomaly.handlers import SaveSegmentations
from monai_anomaly.transforms import DecodeMaskd, MaskEncoding
from monai_anomaly.utils import binary_entropy
from tests.visualize.pictures import cells, pixels

from .completed_iteration import complete

# voxels of 2 x 3 x 4 mm, a rotated grid, an odd origin
AFFINE = torch.tensor([[0.0, -3, 0, 5], [2, 0, 0, -7], [0, 0, 4, 11], [0, 0, 0, 1]], dtype=torch.float64)
MAPS = ("mean", "variance", "entropy")


def result(
    *spatial: int, kind: str = "binary", samples: int = 4, affine: torch.Tensor = AFFINE, keep: bool = True
) -> dict[str, Any]:
    """What postprocessing makes of random samples."""
    g, encoding = torch.Generator().manual_seed(0), MaskEncoding(kind)
    drawn = (torch.rand(samples, encoding.num_channels, *spatial, generator=g) > 0.4).float()
    mean = drawn.mean(0)
    out = {"image": torch.randn(2, *spatial, generator=g), "mean": mean, "entropy": binary_entropy(mean)}
    out |= {"variance": drawn.var(0) if samples > 1 else 0 * mean} | ({"samples": drawn.flatten(0, 1)} if keep else {})
    tensors = {key: MetaTensor(value, affine=affine) for key, value in out.items()}
    return DecodeMaskd("mean", encoding)(tensors)


@pytest.mark.parametrize("kind", ["binary", "regions", "classes"])
def test_samples_are_masks_by_their_own_probabilities(tmp_path: Path, kind: str) -> None:
    """What one sample shows is written, even where the mean of all shows nothing."""
    encoding = MaskEncoding(kind)
    found = result(6, 7, kind=kind)
    found["samples"], found["mean"] = 0 * found["samples"], 0 * found["mean"]
    found["samples"][0, :2, :3] = torch.tensor([[0.9, 0.9, 0.9], [0.9, 0.9, 0.3]])
    found["mean"][0, :2, :3] = 0.18
    decode = DecodeMaskd("mean", encoding, threshold="expected_dice", samples_key="samples")
    folder = save(tmp_path, [decode(found)], encoding=encoding)
    written = np.asanyarray(nib.load(folder / "samples.nii.gz").dataobj)
    assert written[..., 0].sum() == 5 == written.sum() and not nib.load(folder / "mask.nii.gz").get_fdata().any()
    scores = scores_of(folder)
    assert scores["threshold"] == {"value": 0.2, "origin": "given", "rule": "expected_dice"}
    first = scores["regions"][encoding.names[0]]["samples"]["mm3"]
    assert first[0] > 0 and not any(first[1:])


def save(folder: Path, results: list[dict[str, Any]], extra: dict[str, str] | None = None, **options: Any) -> Path:
    batch = [{"subject": f"p{i}", **(extra or {})} for i in range(len(results))]
    complete(SaveSegmentations(folder, **options), batch, results)
    return folder / "p0"


def scores_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("spatial", [(6, 7, 5), (6, 7)])
@pytest.mark.parametrize("kind", ["binary", "regions", "classes"])
def test_files_have_the_inputs_geometry_and_values(tmp_path: Path, spatial: tuple[int, ...], kind: str) -> None:
    found, regions = result(*spatial, kind=kind), MaskEncoding(kind).num_channels
    folder = save(tmp_path, [found], encoding=MaskEncoding(kind))
    files = {*(f"{k}.nii.gz" for k in (*MAPS, "mask", "samples")), "scores.json", "figure.png", "report.html"}
    assert {p.name for p in folder.iterdir()} == files
    for key in (*MAPS, "mask", "samples"):
        image = nib.load(folder / f"{key}.nii.gz")
        np.testing.assert_allclose(image.affine, AFFINE)
        array = np.asanyarray(image.dataobj)
        assert array.dtype == (np.float32 if key in MAPS else np.uint8)
        last = {"mask": 1, "samples": 4 * regions}.get(key, regions)
        assert array.shape == (spatial if last == 1 else (*(*spatial, 1)[:3], last))
        np.testing.assert_array_equal(array, np.moveaxis(found[key].numpy(), 0, -1).reshape(array.shape))
    shown = cells(folder / "figure.png", 4 if len(spatial) == 3 else 1, 4)
    assert all(row[1].max() > 200 for row in shown)  # where all samples agree, the mean is white


def test_only_what_there_is_is_written(tmp_path: Path) -> None:
    folder = save(tmp_path / "a", [result(4, 5, 3, keep=False)])
    assert not (folder / "samples.nii.gz").exists() and "samples" not in scores_of(folder)["regions"]["lesion"]
    folder = save(tmp_path / "b", [result(4, 5, 3)], {"preprocessing_report": '{"raw": true}'})
    assert json.loads((folder / "preprocessing.json").read_text(encoding="utf-8")) == {"raw": True}


def test_sizes(tmp_path: Path) -> None:
    found = result(6, 7, 5, kind="regions")
    folder = save(tmp_path, [found], {"steps": 20}, encoding=MaskEncoding("regions"), settings={"steps": 20})
    scores, mask = scores_of(folder), found["mask"].numpy()
    assert scores["case"] == "p0" and scores["threshold"] == {"value": 0.5, "origin": "given"}
    assert scores["settings"] == {"steps": 20}
    assert scores["provenance"]["versions"]["monai_anomaly"] == monai_anomaly.__version__
    for i, (name, labels) in enumerate({"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)}.items()):
        region, voxels = scores["regions"][name], int(np.isin(mask, labels).sum())
        assert region["voxels"] == voxels > 0 and region["mm3"] == pytest.approx(24 * voxels)
        sizes = 24 * found["samples"].numpy()[i::3].sum((1, 2, 3))
        assert region["samples"]["mm3"] == pytest.approx(sizes)
        assert region["samples"]["mean"] == pytest.approx(sizes.mean())
        assert region["samples"]["sd"] == pytest.approx(sizes.std(ddof=1))


def test_entropy_is_that_of_the_voxels_on_either_side_of_the_surface(tmp_path: Path) -> None:
    """A block at the edge of the image: its inside and the edge do not count."""
    found = result(9, 9)
    inside = torch.zeros(9, 9)
    inside[:5, 2:7] = 1
    rim = torch.ones(9, 9)
    rim[:4, 3:6] = rim[6:] = rim[:, 0] = rim[:, 8] = rim[5, 1] = rim[5, 7] = 0
    found["mask"][0], found["entropy"][0] = inside, rim
    assert scores_of(save(tmp_path / "a", [found]))["regions"]["lesion"]["rim_entropy"] == 1
    found["entropy"][0] = 1 - rim
    assert scores_of(save(tmp_path / "b", [found]))["regions"]["lesion"]["rim_entropy"] == 0


def test_empty_mask_and_single_sample(tmp_path: Path) -> None:
    found = result(4, 4, 4, samples=1)
    for key in (*MAPS, "mask", "samples"):
        found[key] = found[key] * 0
    region = scores_of(save(tmp_path, [found]))["regions"]["lesion"]
    samples = {"mm3": [0.0], "mean": 0.0, "sd": None}
    assert region == {"voxels": 0, "mm3": 0.0, "rim_entropy": None, "samples": samples}


def test_soft_samples_are_written_as_masks(tmp_path: Path) -> None:
    found = result(4, 5, 3)
    found["samples"] = soft = found["samples"] * 0.4 + 0.2  # 0.2 and 0.6
    with pytest.raises(ValueError, match="expected masks in 'samples', 0 and 1, found"):
        save(tmp_path, [found])
    found = DecodeMaskd("mean", MaskEncoding(), threshold=0.5, samples_key="samples")(found)
    array = np.asanyarray(nib.load(save(tmp_path, [found]) / "samples.nii.gz").dataobj)
    np.testing.assert_array_equal(array, np.moveaxis(soft.numpy() > 0.5, 0, -1))


def test_every_case_of_a_batch_is_written_and_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [result(4, 5, 3), result(6, 4, 2)]
    save(tmp_path, found)
    assert [nib.load(tmp_path / case / "mean.nii.gz").shape for case in ("p0", "p1")] == [(4, 5, 3), (6, 4, 2)]
    lines, voxels = capsys.readouterr().out.splitlines(), int(found[1]["mask"].sum())
    assert len(lines) == 2 and lines[1].endswith(f"p1: lesion {voxels} voxels ({24 * voxels} mm3)")


@pytest.mark.parametrize("order", ["LPS", "ALS"])
def test_the_picture_is_the_same_in_any_orientation(tmp_path: Path, order: str) -> None:
    found = result(6, 9, 5, kind="regions", affine=torch.eye(4, dtype=torch.float64))
    turn = Orientation(order, labels=None)
    turned = {key: turn(value) if isinstance(value, MetaTensor) else value for key, value in found.items()}
    folders = [save(tmp_path / str(i), [r], encoding=MaskEncoding("regions")) for i, r in enumerate((found, turned))]
    np.testing.assert_array_equal(*(pixels(folder / "figure.png") for folder in folders))


@pytest.mark.parametrize(("key", "message"), [("mean", "'mean', found 2"), ("samples", "multiple of 3 .* found 2")])
def test_another_number_of_regions_is_refused(tmp_path: Path, key: str, message: str) -> None:
    found = result(4, 4, 4, kind="regions")
    found[key] = found[key][:2]
    with pytest.raises(ValueError, match=message):
        save(tmp_path, [found], encoding=MaskEncoding("regions"))
    assert not (tmp_path / "p0").exists()
