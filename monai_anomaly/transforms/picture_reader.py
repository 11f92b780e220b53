# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import PILReader, is_supported_format
from PIL import Image, ImageOps

from ..utils import PICTURES, STORED_BITS, DataError

__all__ = ["PictureReader", "check_picture"]

_COLORED = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_UNLIKE = 8.0  # of 255: mean difference of the colors beyond that of a tinted X-ray


class PictureReader(PILReader):
    """Read PNG, JPEG, BMP and TIFF as gray, or with the colors as channels, upright as the EXIF entry says.

    * Gray of 8, 12 or 16 bits, or of floats, stays as it is; the metadata say the bits, see
      :data:`monai_anomaly.utils.STORED_BITS`.
    * Colors are mixed to gray of 8 bits, with one warning where they are unlike: they may be contrasts. With
      ``channels`` they are the channels of a picture that has so many.
    * Of an alpha channel nothing is read, unless it is the fourth of four channels. A palette counts as its colors.

    Args:
        channels: 3: red, green and blue, 4: also alpha, of pictures that have these; None: gray.
        always: give gray pictures of 8 bits three equal channels, too.
        quiet: never warn, as of masks.
    """

    def __init__(self, channels: int | None = None, always: bool = False, quiet: bool = False) -> None:
        super().__init__(converter=self._convert)
        self.channels = channels
        self.always = always
        self.quiet = quiet

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Whether the file is a picture by its name."""
        return bool(is_supported_format(filename, [suffix[1:] for suffix in PICTURES]))

    def _convert(self, image: Any) -> Any:
        stored = str(image.filename)
        image.info[STORED_BITS] = _bits(image.mode, _raw_mode(image))
        image = ImageOps.exif_transpose(image)
        colored = image.mode in _COLORED
        if self.channels == 4 and image.mode == "RGBA":
            return image
        if self.channels is not None and (colored or (self.always and image.mode in ("L", "LA", "1"))):
            return image.convert("RGB")
        if colored and not self.quiet:
            self._warn(image, stored)
        return image.convert("L") if colored or image.mode in ("1", "LA") else image

    def _warn(self, image: Any, stored: str) -> None:
        small = np.asarray(image.convert("RGB").resize((32, 32)), dtype=float)
        if np.abs(np.diff(small, axis=-1)).mean() > _UNLIKE:
            self.quiet = True
            warnings.warn(
                f"{stored}: unlike colors are mixed to gray; if they are contrasts, name these, as in "
                "--channel_names \"['t1','flair','t1ce']\"",
                stacklevel=2,
            )

    def _get_meta_dict(self, img: Any) -> dict:
        return {**super()._get_meta_dict(img), STORED_BITS: img.info.get(STORED_BITS, 0)}


def check_picture(path: Path) -> None:
    """Refuse a picture that Pillow would read in part only.

    Raises:
        DataError: colors or alpha of 16 bits, of which it reads 8; a TIFF of several pages.
    """
    try:
        image: Any = Image.open(path)
    except Exception:  # the reader says what is wrong
        return
    with image:
        if len(image.getbands()) > 1 and ";16" in _raw_mode(image):
            raise DataError(
                f"{path}: expected 8 bits of each color, found 16, of which 8 would be lost; save each channel as a "
                "gray picture of 16 bits without alpha, or all as NumPy or NIfTI"
            )
        if image.format == "TIFF" and image.n_frames > 1:
            raise DataError(f"{path}: expected one picture, found {image.n_frames} pages; save a stack as NIfTI")


def _raw_mode(image: Any) -> str:
    """How the pixels lie in the file, e.g. ``I;16B``."""
    tile = getattr(image, "tile", None)
    found = tile[0][3] if tile else None
    return str(found[0] if isinstance(found, tuple) and found else found)


def _bits(mode: str, raw: str) -> int:
    if mode == "I;16" or (mode == "I" and raw.startswith("I;16") and not raw.startswith("I;16S")):
        return 12 if raw == "I;12" else 16
    return 16 if mode.startswith("I;16") else 0 if mode in ("I", "F") else 8
