# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import itk
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import Compose, Invertd, Orientationd, SaveImaged
from PIL import Image

from monai_anomaly.transforms import CheckImaged, LoadModalities, LoadModalitiesd, ResampleToSpacingd
from monai_anomaly.utils import DataError

AFFINE = np.array([[-1.5, 0, 0, 20], [0, 0.2, 2, -5], [0, 2, -0.2, 7], [0, 0, 0, 1.0]])


def _nifti(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    nib.save(nib.Nifti1Image(values.astype(np.float32), affine), path)
    return str(path)


def _volume(seed: int = 0, shape: tuple[int, ...] = (5, 6, 7)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_list_of_files_is_stacked_in_order(tmp_path: Path) -> None:
    volumes = [_volume(seed) for seed in range(3)]
    files = [_nifti(tmp_path / f"{i}.nii.gz", v) for i, v in enumerate(volumes)]
    image = LoadModalitiesd("image")({"image": files})["image"]
    assert isinstance(image, MetaTensor) and image.dtype == torch.float32
    np.testing.assert_array_equal(image.numpy(), np.stack(volumes))
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
    assert image.meta["filename_or_obj"] == files[0]


def test_one_modality_stands_for_all(tmp_path: Path) -> None:
    names = ["t1", "t2"]
    files = [_nifti(tmp_path / f"case_{name}.nii.gz", _volume(seed)) for seed, name in enumerate(names)]
    load = LoadModalitiesd("image", modalities=names)
    for file in files:
        image = load({"image": file})["image"]
        np.testing.assert_array_equal(image.numpy(), np.stack([_volume(0), _volume(1)]))
        assert image.meta["filename_or_obj"] == files[0]
    stacked = _nifti(tmp_path / "other_t1.nii.gz", _volume(shape=(5, 6, 7, 2)))
    assert load({"image": stacked})["image"].shape == (2, 5, 6, 7)
    assert load({"image": _nifti(tmp_path / "scan.nii.gz", _volume())})["image"].shape == (1, 5, 6, 7)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 6), (1, 5, 6)),
        ((5, 6, 7), (1, 5, 6, 7)),
        ((5, 6, 7, 4), (4, 5, 6, 7)),
        ((5, 6, 7, 1), (1, 5, 6, 7)),
        ((5, 6, 7, 1, 4), (4, 5, 6, 7)),
    ],
)
def test_a_single_nifti_is_channel_first(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    path = _nifti(tmp_path / "a.nii", _volume(shape=shape))
    image = LoadModalities()(path)
    assert image.shape == expected
    if shape[-1] == 4:
        np.testing.assert_array_equal(image[2].numpy(), _volume(shape=shape)[..., 2].squeeze())


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 9), (1, 8, 9)),
        ((8, 9, 1), (1, 8, 9)),
        ((1, 8, 9), (1, 8, 9)),
        ((5, 8, 9), (1, 5, 8, 9)),
        ((4, 5, 8, 9), (4, 5, 8, 9)),
    ],
)
def test_numpy_files(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", _volume(shape=shape))
    image = LoadModalities()(tmp_path / "a.npy")
    assert image.shape == expected
    np.testing.assert_array_equal(image.numpy().ravel(), _volume(shape=shape).ravel())


def test_a_flat_image_of_another_reader_has_an_affine_like_all(tmp_path: Path) -> None:
    image = itk.image_from_array(np.arange(20, dtype=np.uint8).reshape(5, 4))
    image.SetSpacing([2.0, 3.0])
    image.SetOrigin([10.0, 20.0])
    itk.imwrite(image, tmp_path / "a.nrrd")
    found = LoadModalities()(tmp_path / "a.nrrd")
    assert found.shape == (1, 4, 5) and found[0, 1, 2] == 9
    # NRRD is LPS
    np.testing.assert_allclose(found.affine, [[-2, 0, 0, -10], [0, -3, 0, -20], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert CheckImaged("image")({"image": found})["image"].shape == (1, 4, 5)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_pictures_become_one_gray_channel(tmp_path: Path, mode: str) -> None:
    gray = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    picture = Image.fromarray(gray.astype(np.uint16) * 100) if mode == "I;16" else Image.fromarray(gray).convert(mode)
    picture.save(tmp_path / "a.png")
    image = LoadModalities()(tmp_path / "a.png")
    expected = gray.T.astype(np.float32) * (100 if mode == "I;16" else 1)
    np.testing.assert_allclose(image[0].numpy(), expected, atol=1)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    gray = np.zeros((16, 24), np.uint8)
    gray[:, 12:] = 200
    Image.fromarray(gray).save(tmp_path / "a.jpg", quality=100)
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its left side
    Image.fromarray(np.rot90(gray)).save(tmp_path / "b.jpg", quality=100, exif=exif)
    upright, turned = (LoadModalities()(tmp_path / f"{name}.jpg") for name in "ab")
    assert turned.shape == (1, 24, 16)
    np.testing.assert_allclose(turned.numpy(), upright.numpy(), atol=3)


@pytest.mark.filterwarnings("ignore:Casting complex")
def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", _volume() * 1j)
    with pytest.raises(DataError, match=r"a\.npy: expected real numbers, found complex"):
        LoadModalities()(tmp_path / "a.npy")


def test_a_flipped_bit_of_a_compressed_file_is_named(tmp_path: Path) -> None:
    """Without the checksum most bits give another image and no error."""
    path = Path(_nifti(tmp_path / "a.nii.gz", np.random.default_rng(0).random((16, 16, 16)).astype(np.float32)))
    content = path.read_bytes()
    for place in np.linspace(1000, len(content) - 5, 20).astype(int):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(DataError, match=r"a\.nii\.gz: expected"):
            LoadModalities()(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t2\.nii\.gz: expected an image file, found nothing"):
        LoadModalities()([_nifti(tmp_path / "t1.nii.gz", _volume()), tmp_path / "t2.nii.gz"])
    with pytest.raises(DataError, match="empty list"):
        LoadModalities()([])
    with pytest.raises(DataError, match="found an empty one"):
        LoadModalities()("")


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.png", "a.npy"])
@pytest.mark.parametrize("keep", [0, 0.5])
def test_a_truncated_file_is_named(tmp_path: Path, name: str, keep: float) -> None:
    path = tmp_path / name
    if name.endswith("png"):
        Image.fromarray((_volume(shape=(64, 64)) * 50).astype(np.uint8)).save(path)
    elif name.endswith("npy"):
        np.save(path, _volume())
    else:
        _nifti(path, _volume(shape=(16, 16, 16)))
    path.write_bytes(path.read_bytes()[: int(os.path.getsize(path) * keep)])
    with pytest.raises(DataError, match=rf"{name}: expected a readable image, found"):
        LoadModalities()(path)


def test_shapes_that_disagree_name_both_files(tmp_path: Path) -> None:
    files = [_nifti(tmp_path / "t1.nii", _volume()), _nifti(tmp_path / "t2.nii", _volume(shape=(5, 6, 8)))]
    with pytest.raises(DataError, match=r"t2\.nii: expected the spatial shape \(5, 6, 7\) of .*t1\.nii, found"):
        LoadModalities()(files)


def test_affines_that_disagree_name_both_files(tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 0.5
    files = [_nifti(tmp_path / "t1.nii", _volume()), _nifti(tmp_path / "t2.nii", _volume(), moved)]
    with pytest.raises(DataError, match=r"t2\.nii: expected the affine of .*t1\.nii .*0\.5 mm away"):
        LoadModalities()(files)
    assert len(LoadModalities(tolerance=0.6)(files)) == 2


def test_missing_keys(tmp_path: Path) -> None:
    sample = {"image": _nifti(tmp_path / "a.nii", _volume()), "label": 1}
    assert LoadModalitiesd(["image", "mask"], allow_missing_keys=True)(sample).keys() == sample.keys()
    with pytest.raises(KeyError):
        LoadModalitiesd(["image", "mask"])(sample)


@pytest.mark.parametrize(
    ("name", "shape", "axes"),
    [
        ("tcga_lgg/FG-6692/sri24/{}.nii.gz", (4, 240, 240, 155), "LPS"),
        ("open_ms/cross_mni/p07/{}.nii.gz", (4, 182, 218, 182), "LAS"),
        ("brats_slices/training/000001/brats_train_001_{}_080_w.nii.gz", (4, 240, 240), "RAS"),
    ],
)
def test_real_mr(shared: Callable[[str], Path], name: str, shape: tuple[int, ...], axes: str) -> None:
    image = LoadModalities()([shared(f"realdata/{name.format(m)}") for m in ("t1", "t1ce", "t2", "flair")])
    assert image.shape == shape
    assert nib.aff2axcodes(image.affine) == tuple(axes)
    assert all(0.05 < float((c > 0).float().mean()) < 0.6 for c in image)  # brains without skull


@pytest.mark.parametrize(("folder", "size"), [("nih_cxr64/effusion", 64), ("nih_cxr_full", 512)])
def test_real_chest_x_rays(shared: Callable[[str], Path], folder: str, size: int) -> None:
    for path in sorted(shared(f"realdata/{folder}").glob("*.png"))[:3]:
        image = LoadModalities()(path)
        assert image.shape == (1, size, size)
        assert 150 < float(image.max()) <= 255


@pytest.mark.parametrize("stacked", [False, True])
def test_a_result_is_saved_in_the_geometry_of_the_input(tmp_path: Path, stacked: bool) -> None:
    values = np.zeros((20, 24, 10), np.float32)
    values[5:15, 6:18, 3:7] = 1
    if stacked:
        _nifti(tmp_path / "scan.nii.gz", np.stack([values, 2 * values], axis=-1))
        files: list[str] | str = str(tmp_path / "scan.nii.gz")
    else:
        files = [_nifti(tmp_path / f"{n}.nii.gz", v) for n, v in (("scan", values), ("t2", 2 * values))]
    load = Compose(
        [
            LoadModalitiesd("image"),
            Orientationd("image", "RAS", labels=None),
            ResampleToSpacingd("image", (1.0, 1.0, 1.0)),
        ]
    )
    save = Compose(
        [
            Invertd("pred", load, "image", nearest_interp=False),
            SaveImaged("pred", output_dir=tmp_path / "out", output_postfix="map", separate_folder=False),
        ]
    )
    for batch in DataLoader(Dataset([{"image": files}], load), batch_size=1):
        batch["pred"] = batch["image"][:, :1].clone()
        for sample in decollate_batch(batch):
            save(sample)
    saved = nib.load(tmp_path / "out/scan_map.nii.gz")
    assert saved.shape == values.shape
    np.testing.assert_allclose(saved.affine, AFFINE, atol=1e-4)
    assert np.corrcoef(saved.get_fdata().ravel(), values.ravel())[0, 1] > 0.9


def test_samples_of_one_and_of_many_files_collate(tmp_path: Path) -> None:
    stack = _nifti(tmp_path / "s.nii.gz", _volume(shape=(5, 6, 7, 2)))
    files = [_nifti(tmp_path / f"{i}.nii.gz", _volume(i)) for i in range(2)]
    batch = next(
        iter(DataLoader(Dataset([{"image": stack}, {"image": files}], LoadModalitiesd("image")), batch_size=2))
    )
    assert batch["image"].shape == (2, 2, 5, 6, 7)


def test_damaged_affine_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.ones((3, 4, 5), np.float32), None)
    image.header["sform_code"] = 1
    for row in ("srow_x", "srow_y", "srow_z"):
        image.header[row] = 0
    nib.save(image, tmp_path / "scan.nii.gz")
    with pytest.raises(DataError, match=r"scan\.nii\.gz: expected an affine"):
        LoadModalities()(tmp_path / "scan.nii.gz")


def _header(path: Path, **fields: float) -> Path:
    """An uncompressed int16 file with fields of its header overwritten, which nibabel's writer would set itself."""
    volume = (_volume(shape=(8, 8, 8)) * 100).astype(np.int16)
    nib.save(nib.Nifti1Image(volume, AFFINE), path)
    content = bytearray(path.read_bytes())
    for name, value in fields.items():
        dtype, at = nib.Nifti1Header.template_dtype.fields[name]
        content[at : at + dtype.itemsize] = np.asarray(value, dtype).tobytes()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", ["slope 0", "slope nan", "slope inf", "big-endian", "uint16", "float64", "NIfTI-2"])
def test_headers_and_types_that_say_the_same_image(tmp_path: Path, kind: str) -> None:
    plain = LoadModalities()(_header(tmp_path / "plain.nii"))
    path = tmp_path / "a.nii"
    values = plain[0].numpy()
    if kind.startswith("slope"):
        _header(path, scl_slope=float(kind.split()[1]), scl_inter=0.0)
    elif kind == "big-endian":
        header = nib.Nifti1Header(endianness=">")
        header.set_data_dtype(">i2")
        nib.save(nib.Nifti1Image(values.astype(">i2"), AFFINE, header), path)
    elif kind == "NIfTI-2":
        nib.save(nib.Nifti2Image(values, AFFINE), path)
    else:
        offset = values.min() if kind == "uint16" else 0
        nib.save(nib.Nifti1Image((values - offset).astype(kind), AFFINE), path)
        plain = plain - offset
    image = LoadModalities()(path)
    np.testing.assert_array_equal(image.numpy(), plain.numpy())
    np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)


@pytest.mark.parametrize(("unit", "scale"), [("micron", 1000), ("meter", 0.001)])
def test_the_unit_of_the_header_counts_and_is_told_once(tmp_path: Path, unit: str, scale: float) -> None:
    files = []
    for name in ("t1", "t2"):
        affine = np.diag([scale, scale, scale, 1]) @ AFFINE
        image = nib.Nifti1Image(_volume(), affine)
        image.header.set_xyzt_units(unit)
        nib.save(image, tmp_path / f"{name}.nii.gz")
        files.append(str(tmp_path / f"{name}.nii.gz"))
    with pytest.warns(UserWarning, match=rf"t1\.nii\.gz, and 1 more: the header is in {unit}s;") as caught:
        loaded = LoadModalities()(files)
    assert len(caught) == 1
    np.testing.assert_allclose(loaded.affine, AFFINE, atol=1e-4)


def test_forms_that_disagree_are_told_once_and_the_sform_counts(tmp_path: Path) -> None:
    files = []
    qform = np.diag([1.5, 2, 2, 1]) + np.array([[0.0, 0, 0, 9], [0, 0, 0, 9], [0, 0, 0, 9], [0, 0, 0, 0]])
    for name in ("t1", "t2"):
        image = nib.Nifti1Image(_volume(), AFFINE)
        image.set_qform(qform, 1)
        image.set_sform(AFFINE, 4)
        nib.save(image, tmp_path / f"{name}.nii.gz")
        files.append(str(tmp_path / f"{name}.nii.gz"))
    with pytest.warns(
        UserWarning, match=r"t1\.nii\.gz, and 1 more: sform and qform put a corner .* mm apart"
    ) as caught:
        loaded = LoadModalities()(files)
    assert len(caught) == 1
    np.testing.assert_allclose(loaded.affine, AFFINE, atol=1e-5)


def test_one_position_in_two_forms_is_one_grid(tmp_path: Path) -> None:
    affine = np.diag([1.5, 2, 2.5, 1])
    for name, forms in (("t1", {"q": (affine, 1), "s": (None, 0)}), ("t2", {"q": (None, 0), "s": (affine, 1)})):
        image = nib.Nifti1Image(_volume(), affine)
        image.set_qform(*forms["q"])
        image.set_sform(*forms["s"])
        nib.save(image, tmp_path / f"{name}.nii.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = LoadModalities()([tmp_path / "t1.nii.gz", tmp_path / "t2.nii.gz"])
    np.testing.assert_allclose(loaded.affine, affine, atol=1e-5)


@pytest.mark.parametrize(("scale", "unit"), [(1000, "microns"), (1e-3, "meters")])
def test_voxels_that_cannot_be_true_are_refused(tmp_path: Path, scale: float, unit: str) -> None:
    path = _nifti(tmp_path / "a.nii.gz", _volume(), np.diag([scale * 0.5] * 3 + [1]))
    with pytest.raises(DataError, match=rf"a\.nii\.gz: expected voxels of .* found .* mm; written in {unit}\?"):
        LoadModalities()(path)


@pytest.mark.parametrize("unit", ["meter", "micron"])
def test_millimeters_under_another_unit_are_refused(tmp_path: Path, unit: str) -> None:
    image = nib.Nifti1Image(_volume(), np.diag([1.0, 1.0, 3.0, 1]))
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii.gz")
    with pytest.raises(DataError, match=rf"a\.nii\.gz: expected voxels of .* its header says {unit}s: are they mm\?"):
        LoadModalities()(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_a_picture_in_color_has_three_channels(tmp_path: Path, mode: str) -> None:
    colors = np.zeros((4, 6, 3), np.uint8)
    colors[:, 3:] = [204, 102, 51] if mode != "L" else 90
    Image.fromarray(colors).convert(mode).save(tmp_path / "a.png")
    image = LoadModalities(color=True)(tmp_path / "a.png")
    assert image.shape == (3, 6, 4)
    assert image[:, :3].eq(0).all() and image[:, 4, 2].tolist() == colors[2, 4].tolist()


def test_color_is_not_for_masks_nor_for_other_files(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6, 3), 255, np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.full((4, 6), 40_000, np.uint16)).save(tmp_path / "b.png")
    load = LoadModalitiesd(["image", "mask", "target", "target_mask"], color=True)
    sample = load(dict.fromkeys(load.keys, tmp_path / "a.png"))
    assert [len(sample[key]) for key in load.keys] == [3, 1, 3, 1]
    assert LoadModalities(color=True)(tmp_path / "b.png").unique().tolist() == [40_000]
    assert LoadModalities(color=True)(_nifti(tmp_path / "a.nii", _volume())).shape == (1, 5, 6, 7)
