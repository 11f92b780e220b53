# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from ...utils import atomic_write
from .contrast import CONTRASTS
from .subject import PhantomSubject

__all__ = ["intensity_steps", "is_complete", "nifti_bytes", "subject_files", "write_files", "write_subject"]

_RECEIPT = "files.json"


def subject_files(lesion: str | None, contrasts: Sequence[str] = CONTRASTS, twin: bool = True) -> dict[str, list[str]]:
    """File names of a subject by role: ``image`` and ``twin`` (one per contrast, the same if healthy; no ``twin``
    where none is wanted) and ``mask`` (1)."""
    image = [f"{c}.nii.gz" for c in contrasts]
    twins = [f"{c}_twin.nii.gz" for c in contrasts] if lesion else image
    return {"image": image, **({"twin": twins} if twin else {}), "mask": ["seg.nii.gz"]}


def write_subject(
    folder: Path, subject: PhantomSubject, contrasts: Sequence[str] = CONTRASTS, twin: bool = True
) -> None:
    """Write a subject as NIfTI with a receipt, see `write_files`.

    Images have 12 bits, as a scanner's; see `intensity_steps`. A file does not depend on which others are written.
    """
    names, steps = subject_files(subject.lesion, contrasts, twin), intensity_steps(subject)
    files = {}
    for n, contrast in enumerate(contrasts):
        k = CONTRASTS.index(contrast)
        files[names["image"][n]] = nifti_bytes(subject.image[k], subject.affine, steps[k])
        if subject.lesion and twin:
            files[names["twin"][n]] = nifti_bytes(subject.twin[k], subject.affine, steps[k])
    files[names["mask"][0]] = nifti_bytes(subject.label, subject.affine)
    write_files(folder, files)


def intensity_steps(subject: PhantomSubject) -> list[float]:
    """Intensity of one gray value of each contrast, shared by all images of a person, so that they are equal where the
    disease is not."""
    return [float(max(i.max(), t.max())) / 4095 for i, t in zip(subject.image, subject.twin, strict=True)]


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name, and last a receipt with the size and CRC-32 of each."""
    for name, data in files.items():
        with atomic_write(folder / name, "wb") as f:
            f.write(data)
    receipt = {name: {"size": len(data), "crc32": zlib.crc32(data)} for name, data in files.items()}
    with atomic_write(folder / _RECEIPT) as f:
        json.dump(receipt, f, indent=1)


def is_complete(folder: Path, roles: Mapping[str, Sequence[str]]) -> bool:
    """Whether the files of all roles are there and are, by size and CRC-32, the ones that were written."""
    try:
        receipt = json.loads((folder / _RECEIPT).read_text(encoding="utf-8"))
        if set(receipt) != {name for names in roles.values() for name in names}:
            return False
        return all(_matches(folder / name, entry) for name, entry in receipt.items())
    except (OSError, ValueError, TypeError, KeyError):
        return False  # a receipt that cannot be read is as good as none: the subject is made anew


def _matches(path: Path, entry: dict[str, int]) -> bool:
    return path.stat().st_size == entry["size"] and zlib.crc32(path.read_bytes()) == entry["crc32"]


def nifti_bytes(volume: np.ndarray, affine: np.ndarray, step: float | None = None) -> bytes:
    """A gzipped NIfTI file; equal input gives equal bytes.

    Args:
        volume: (X, Y, Z).
        affine: voxel to mm.
        step: intensity of one gray value, stored as the header's slope; None stores ``volume`` as uint8.
    """
    if step is None:
        image = nib.Nifti1Image(volume.astype(np.uint8), affine)
    else:
        image = nib.Nifti1Image(np.round(volume / step).astype(np.uint16), affine)
        image.header.set_slope_inter(step, 0)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, code="mni")
    image.set_sform(affine, code="mni")
    return gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)
