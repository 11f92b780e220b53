# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from monai.transforms import Compose
from PIL import Image

from monai_anomaly.transforms import LoadModalities, LoadModalitiesd
from monai_anomaly.utils import STORED_BITS, DataError

NAMES = ("t1", "flair", "t1ce")
GRAY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLORS = np.stack([GRAY, 255 - GRAY, np.full_like(GRAY, 7)], axis=-1)


def _png16(path: Path, values: np.ndarray) -> None:
    """A PNG of 16-bit colors, which Pillow does not write."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + end)


@pytest.mark.parametrize("suffix", ["png", "tif", "TIFF", "bmp"])
def test_colors_are_the_channels_where_so_many_are_wanted(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(COLORS).save(tmp_path / f"a.{suffix}")
    image = LoadModalities(channels=3)(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(image.numpy(), COLORS.transpose(2, 1, 0))
    assert image.meta[STORED_BITS].tolist() == [8, 8, 8]
    assert len(LoadModalities(modalities=NAMES)(tmp_path / f"a.{suffix}")) == 3


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 16)])
def test_gray_keeps_its_values_and_tells_its_bits(tmp_path: Path, suffix: str, dtype: type, bits: int) -> None:
    values = GRAY.astype(dtype) * (200 if bits == 16 else 1)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    image = LoadModalities()(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(image[0].numpy(), values.T)
    assert image.meta[STORED_BITS].tolist() == [bits]


def test_the_bits_of_other_files(tmp_path: Path) -> None:
    Image.fromarray(GRAY.astype(np.float32)).save(tmp_path / "float.tif")
    np.save(tmp_path / "a.npy", GRAY)
    np.save(tmp_path / "b.npy", GRAY.astype(np.float32))
    found = {
        name: LoadModalities()(tmp_path / name).meta[STORED_BITS].tolist() for name in ("float.tif", "a.npy", "b.npy")
    }
    assert found == {"float.tif": [0], "a.npy": [8], "b.npy": [0]}


def test_equal_colors_are_gray_for_one_channel(tmp_path: Path) -> None:
    Image.fromarray(np.stack([GRAY] * 3, axis=-1)).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = LoadModalities(channels=1)(tmp_path / "a.png")
    np.testing.assert_array_equal(image.numpy(), GRAY.T[None])


def test_unlike_colors_for_one_channel_are_told_once_and_not_of_masks(tmp_path: Path) -> None:
    Image.fromarray(COLORS).save(tmp_path / "a.png")
    load = LoadModalities()
    with pytest.warns(UserWarning, match=r"a.png: unlike colors .* --channel_names") as told:
        assert len(load(tmp_path / "a.png")) == len(load(tmp_path / "a.png")) == 1
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LoadModalitiesd("mask")({"mask": tmp_path / "a.png"})


def test_a_mask_in_color_has_one_channel(tmp_path: Path) -> None:
    Image.fromarray(COLORS).save(tmp_path / "a.png")
    sample = LoadModalitiesd(["image", "mask"], channels=3)(dict.fromkeys(["image", "mask"], tmp_path / "a.png"))
    assert [len(sample[key]) for key in ("image", "mask")] == [3, 1]


def test_one_file_for_each_contrast_is_gray(tmp_path: Path) -> None:
    for name in NAMES:
        Image.fromarray(np.stack([GRAY] * 3, axis=-1)).save(tmp_path / f"p_{name}.png")
    for load in (LoadModalities(channels=3), LoadModalities(modalities=NAMES)):
        assert len(load([tmp_path / f"p_{name}.png" for name in NAMES])) == 3
    assert len(LoadModalities(modalities=NAMES)(tmp_path / "p_flair.png")) == 3  # the others lie beside it


@pytest.mark.parametrize("alpha", [255, 90])
def test_alpha_is_left_out_unless_it_is_the_fourth_of_four(tmp_path: Path, alpha: int) -> None:
    Image.fromarray(np.concatenate([COLORS, np.full_like(COLORS[..., :1], alpha)], axis=-1)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(LoadModalities(channels=3)(tmp_path / "a.png").numpy(), COLORS.transpose(2, 1, 0))
    four = LoadModalities(channels=4)(tmp_path / "a.png")
    assert four.shape == (4, 8, 6) and four[3].unique().tolist() == [alpha]


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colors_of_16_bits_are_refused(tmp_path: Path, channels: int) -> None:
    _png16(tmp_path / "a.png", np.random.default_rng(0).integers(0, 2**16, (6, 8, channels)))
    with pytest.raises(DataError, match=r"a.png: expected 8 bits of each color, found 16"):
        LoadModalities(channels=3)(tmp_path / "a.png")


def test_a_stack_of_pages_is_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(GRAY) for _ in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match=r"a.tif: expected one picture, found 3 pages"):
        Compose([LoadModalitiesd("image")]).transforms[0]({"image": tmp_path / "a.tif"})
