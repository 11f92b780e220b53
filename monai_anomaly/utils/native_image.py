# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Results in the input's own geometry, as arrays and as files."""

from __future__ import annotations

import os

import numpy as np
import torch

from ..utils import read_geometry, write_nifti

__all__ = ["array_axis", "array_plane", "to_array", "volume_affine", "voxel_volume", "write_image", "write_vectors"]


def to_array(image: torch.Tensor) -> np.ndarray:
    """The values of an image, without its history."""
    return torch.as_tensor(image).detach().cpu().numpy()


def volume_affine(image: torch.Tensor) -> np.ndarray:
    """4 x 4 affine of an image; that of a 2D image, 3 x 3, is put into a volume's."""
    found = np.asarray(torch.as_tensor(getattr(image, "affine", torch.eye(4))).cpu(), dtype=np.float64)
    affine = np.eye(4)
    axes = [0, 1, 3] if len(found) == 3 else [0, 1, 2, 3]
    affine[np.ix_(axes, axes)] = found
    return affine


def array_axis(image: torch.Tensor, code: str) -> int:
    """The spatial axis of a volume (C, X, Y, Z) that runs along a direction of the world, either way.

    Args:
        image: with an affine; without one it is taken for RAS.
        code: ``"R"``, ``"A"`` or ``"S"``, or the opposite ``"L"``, ``"P"`` or ``"I"``.
    """
    import nibabel as nib

    world = nib.orientations.axcodes2ornt((code,), (("L", "R"), ("P", "A"), ("I", "S")))[0, 0]
    axes = nib.orientations.io_orientation(volume_affine(image))[:, 0]
    return int((axes == world).argmax())


def array_plane(image: torch.Tensor) -> str:
    """How the first two axes of an image lie in the world: ``"axial"``, ``"coronal"`` or ``"sagittal"``.

    Args:
        image: (C, X, Y) or (C, X, Y, Z) with an affine; without one it is taken for RAS.
    """
    import nibabel as nib

    axes = nib.orientations.io_orientation(volume_affine(image))[:2, 0]
    return ("sagittal", "coronal", "axial")[int(({0, 1, 2} - set(axes.astype(int))).pop())]


def voxel_volume(image: torch.Tensor) -> float:
    """Volume of a voxel, mm3."""
    return abs(float(np.linalg.det(volume_affine(image)[:3, :3])))


def write_image(path: str | os.PathLike, image: torch.Tensor, dtype: type = np.float32) -> None:
    """Write an image (C, ...) as NIfTI, several channels last, behind three axes of space also of a 2D image; on the
    grid of its file in the words of its header."""
    array: np.ndarray = to_array(image).astype(dtype)
    array = array[..., None] if array.ndim == 3 and len(array) > 1 else array
    array = array[0] if len(array) == 1 else np.moveaxis(array, 0, -1)
    source = read_geometry(getattr(image, "meta", {}).get("filename_or_obj", ""))
    write_nifti(path, array, volume_affine(image), source)


def write_vectors(path: str | os.PathLike, field: torch.Tensor) -> None:
    """Write vectors (3, ...) of mm along right, anterior, superior, as ITK and ANTs read a displacement.

    That is NIfTI with five axes and the intent "vector", whose components point left, posterior, superior; for these
    programs an image of two axes, (3, X, Y), has the first two alone, unless it stands upright.
    """
    array = to_array(field).astype(np.float32)
    array[:2] *= -1
    if array.ndim == 3:
        array = (array if array[2].any() else array[:2])[..., None]
    source = read_geometry(getattr(field, "meta", {}).get("filename_or_obj", ""))
    write_nifti(path, np.moveaxis(array, 0, -1)[..., None, :], volume_affine(field), source, intent="vector")
