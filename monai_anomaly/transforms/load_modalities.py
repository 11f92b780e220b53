# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection, PathLike
from monai.data import MetaTensor, NibabelReader
from monai.transforms import LoadImage, MapTransform, Transform
from monai.utils import ImageMetaKey, TransformBackends, ensure_tuple

from ..data.siblings import find_siblings
from ..utils import (
    PICTURES,
    STORED_BITS,
    DataError,
    NiftiGeometry,
    check_intact,
    check_voxel_size,
    is_picture,
    read_geometry,
)
from ..utils.native_image import volume_affine
from .check_image import MASKS, MODALITY_FILES, check_same_grid
from .dicom_series import read_slice_stack
from .header_notes import warn_about_headers
from .multi_frame import read_multi_frame
from .picture_reader import PictureReader, check_picture

__all__ = ["LoadModalities", "LoadModalitiesD", "LoadModalitiesDict", "LoadModalitiesd"]


class LoadModalities(Transform):
    """Load one file, or one file per modality, as a channel-first float32 image.

    MONAI's ``LoadImage`` stacks a list of files without comparing their affines, and meets unlike shapes with a NumPy
    error; here every file is read by itself (by ``LoadImage``) and compared with the first.

    * NIfTI: 2D, 3D, or with the channels on the last axis; axes of length one behind the third are dropped.
    * PNG, JPEG, BMP, TIFF: the axes are (x, y) as in MONAI, upright as the EXIF entry says. A single picture in color
      where three channels are wanted (or four, with alpha) gives its colors as the channels; elsewhere color is mixed
      to gray, see `PictureReader`.
    * NumPy ``.npy``: (H, W), (X, Y, Z), or four axes with the channels first; a 3D array with one leading or trailing
      entry is a 2D image.
    * a folder with one DICOM series: see `SliceStack`; a DICOM file of several frames: see `read_multi_frame`.
    * whatever else ``LoadImage`` reads here (NRRD, a DICOM file of one image).

    The affine is in mm, whatever the unit of a NIfTI header; of its two forms the sform counts, with a warning where
    the qform says another place.

    Args:
        tolerance: largest distance [mm] of corresponding volume corners among the files of one sample.
        modalities: names of the channels, in order. With them the file of one modality stands for all: a single file
            with one channel where several are wanted is completed by those beside it, found by their names (see
            :func:`monai_anomaly.data.find_siblings`). For programs that know one file per image, like MONAI Label.
        channels: how many are wanted; by default as many as there are names.
        color: read pictures as three channels, red, green and blue, also gray ones; gray of 16 bits stays one.
        quiet: never warn that unlike colors are mixed to gray.

    Raises:
        DataError: a file is missing, unreadable or damaged, has no usable affine, voxels that cannot be true, or is not
            on the grid of the first one; a DICOM folder or file is not one volume.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        tolerance: float = 0.1,
        modalities: Sequence[str] | None = None,
        color: bool = False,
        channels: int | None = None,
        quiet: bool = False,
    ) -> None:
        self.tolerance = tolerance
        self.modalities = tuple(modalities or ())
        self.channels = len(self.modalities) if channels is None else channels
        self.loader = _loader(PictureReader(3 if color else None, always=color, quiet=quiet))
        # of a single file
        self.color_loader = _loader(PictureReader(self.channels)) if self.channels in (3, 4) else self.loader

    def __call__(self, files: PathLike | Sequence[PathLike]) -> MetaTensor:
        """Return a MetaTensor of shape (C, spatial...) with the affine and the file name of the first file.

        Args:
            files: a path, or one path per channel.
        """
        paths = [Path(str(f)).expanduser() for f in ensure_tuple(files)]
        if not paths:
            raise DataError("expected the path of an image, found an empty list")
        if "" in map(str, ensure_tuple(files)):  # what MONAI Label makes of the name of no image
            raise DataError("expected the path of an image, found an empty one: is there an image of this name?")
        loader = self.color_loader if len(paths) == 1 else self.loader
        loaded = {path: self._load(path, loader) for path in paths}
        if len(paths) == 1 and len(self.modalities) > 1 and _is_gray(loaded[paths[0]][0]):
            siblings = [Path(p) for p in find_siblings(paths[0], self.modalities)]
            paths = siblings or paths
            loaded |= {path: self._load(path, self.loader) for path in siblings}
        warn_about_headers({path: header for path, (_, header) in loaded.items() if header is not None})
        images = [loaded[path][0] for path in paths]
        for image in images[1:]:
            check_same_grid(images[0], image, self.tolerance)
        meta = dict(images[0].meta)
        # one string, since a list in the metadata would be zipped when samples are collated
        meta[MODALITY_FILES] = os.pathsep.join(map(str, paths))
        meta[STORED_BITS] = np.concatenate([np.full(len(i), i.meta.get(STORED_BITS, 0)) for i in images])
        return MetaTensor(torch.cat([image.as_tensor() for image in images]), meta=meta)

    def _load(self, path: Path, loader: LoadImage) -> tuple[MetaTensor, NiftiGeometry | None]:
        if not path.exists():
            raise DataError(f"{path}: expected an image file, found nothing")
        header = read_geometry(path)
        if path.name.lower().endswith(PICTURES):
            check_picture(path)
        stack = read_slice_stack(path) if path.is_dir() else None
        # what needs no ITK does not wait for its import
        other = header is not None or stack is not None or path.name.lower().endswith((*PICTURES, ".npy"))
        frames = None if other else read_multi_frame(path)
        try:
            image = loader(path) if frames is None else frames
        except Exception as error:  # every reader has its own: zlib, OSError, EOFError, PIL's, nibabel's
            raise DataError(f"{path}: expected a readable image, found {type(error).__name__}: {error}") from error
        check_intact(path)
        if path.suffix.lower() == ".npy":
            stored = np.load(path, mmap_mode="r").dtype
            if stored.kind == "c":
                raise DataError(f"{path}: expected real numbers, found complex ones: save their magnitude")
            image.meta[STORED_BITS] = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16}.get(stored, 0)
        affine = volume_affine(image)  # of a 2D NRRD it is 3 x 3
        if stack is not None:
            affine = stack.put_into(affine)
        if header is not None:  # MONAI's reader takes the qform where the sform has another voxel size than the header
            affine = header.affine
        if not (np.isfinite(affine).all() and np.linalg.det(affine)):
            raise DataError(f"{path}: expected an affine that can be inverted, found {affine.tolist()}")
        image.affine = torch.from_numpy(affine)
        loaded = _channel_first(image, path)
        check_voxel_size(path, affine, loaded.shape[1:], unit=1.0 if header is None else header.unit)
        return loaded, header


def _loader(pictures: PictureReader) -> LoadImage:
    # beside pydicom MONAI tells, each time, that a decoder for GPUs is missing, which nothing here uses
    logging.getLogger("monai.data.nvimgcodec_pydicom_plugin").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
        loader = LoadImage(image_only=True, dtype=np.float32, ensure_channel_first=False)
    # the last registered reader that knows the suffix is the one used
    loader.register(pictures)
    loader.register(NibabelReader(squeeze_non_spatial_dims=True))
    return loader


def _is_gray(image: MetaTensor) -> bool:
    """Whether an image (C, spatial...) has one channel, or three equal ones as a gray picture in a file of colors."""
    values = image.as_tensor()
    return len(values) == 1 or (len(values) == 3 and bool((values == values[:1]).all()) and is_picture(image))


def _channel_first(image: MetaTensor, path: Path) -> MetaTensor:
    values = image.as_tensor()
    spatial_dims = len(image.meta.get(ImageMetaKey.SPATIAL_SHAPE, values.shape))
    if path.suffix.lower() == ".npy":
        if values.ndim == 3 and values.shape[-1] == 1:
            values = values.movedim(-1, 0)
        elif values.ndim == 2 or (values.ndim == 3 and values.shape[0] != 1):
            values = values[None]
    elif values.ndim == spatial_dims:
        values = values[None]
    elif values.ndim == spatial_dims + 1:
        values = values.movedim(-1, 0)
    if not 3 <= values.ndim <= 4:
        raise DataError(f"{path}: expected a 2D or 3D image, or one with channels, found shape {tuple(image.shape)}")
    meta = dict(image.meta)
    meta[ImageMetaKey.SPATIAL_SHAPE] = np.asarray(values.shape[1:])
    meta["original_channel_dim"] = 0
    return MetaTensor(values.contiguous(), meta=meta)


class LoadModalitiesd(MapTransform):
    """Replace the path, or the list of paths, under each key by the loaded image; see :class:`LoadModalities`.

    A tensor or array is what another program loaded, such as the operators of MONAI Deploy: it stays, with its channel
    first, which its entry ``original_channel_dim`` says where to find (without one: first).

    Args:
        keys: entries that hold paths, e.g. ``("image", "mask", "twin")``.
        tolerance: largest distance [mm] of corresponding volume corners among the files of one key.
        allow_missing_keys: skip keys a sample does not have.
        modalities: names of the channels: the file of one modality stands for all.
        color: read pictures as red, green and blue.
        channels: how many are wanted: a single picture with so many colors gives them. Neither this nor ``color`` nor
            the names apply to ``mask`` and ``target_mask``.

    Example::

        for name in ("t1", "flair"):
            nibabel.save(nibabel.Nifti1Image(np.random.rand(8, 8, 8), np.eye(4)), f"{name}.nii.gz")
        sample = LoadModalitiesd("image")({"image": ["t1.nii.gz", "flair.nii.gz"]})
        assert sample["image"].shape == (2, 8, 8, 8)
    """

    backend = LoadModalities.backend

    def __init__(
        self,
        keys: KeysCollection,
        tolerance: float = 0.1,
        allow_missing_keys: bool = False,
        modalities: Sequence[str] | None = None,
        color: bool = False,
        channels: int | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.load = LoadModalities(tolerance, modalities, color, channels)
        self.load_mask = LoadModalities(tolerance, quiet=True)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Load the files of a sample."""
        d = dict(data)
        for key in self.key_iterator(d):
            if isinstance(d[key], (torch.Tensor, np.ndarray)):
                d[key] = _loaded(d[key])
            else:
                d[key] = (self.load_mask if key in MASKS else self.load)(d[key])
        return d


def _loaded(image: torch.Tensor | np.ndarray) -> MetaTensor:
    """An image that somebody else loaded, with its channel first."""
    meta = dict(getattr(image, "meta", {}))
    values = torch.as_tensor(np.asarray(image) if isinstance(image, np.ndarray) else image.as_subclass(torch.Tensor))
    channel = meta.get("original_channel_dim", 0)
    if channel == "no_channel" or channel != channel:  # NaN says so, too
        values = values[None]
    elif channel != 0:
        values = values.movedim(int(channel), 0)
    affine = getattr(image, "affine", None)
    meta |= {"original_channel_dim": 0, ImageMetaKey.SPATIAL_SHAPE: np.asarray(values.shape[1:])}
    return MetaTensor(values.float().contiguous(), affine=affine, meta=meta)


LoadModalitiesD = LoadModalitiesDict = LoadModalitiesd
