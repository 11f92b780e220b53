# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np

from ...utils import atomic_write
from .contrast import CONTRASTS
from .subject import PhantomSubject

__all__ = ["is_complete", "nifti_bytes", "subject_files", "write_subject"]

_RECEIPT = "files.json"


def subject_files(lesion: str | None) -> dict[str, list[str]]:
    """File names of a subject by role: ``image`` and ``twin`` (4 each, the same if healthy) and ``mask`` (1)."""
    image = [f"{c}.nii.gz" for c in CONTRASTS]
    twin = [f"{c}_twin.nii.gz" for c in CONTRASTS] if lesion else image
    return {"image": image, "twin": twin, "mask": ["seg.nii.gz"]}


def write_subject(folder: Path, subject: PhantomSubject) -> None:
    """Write a subject as NIfTI, and last a receipt with the size and CRC-32 of each file.

    Images have 12 bits, as a scanner's; an image and its twin share one step, so that they are equal where the
    disease is not.
    """
    names = subject_files(subject.lesion)
    receipt = {}

    def write(name: str, data: bytes) -> None:
        with atomic_write(folder / name, "wb") as f:
            f.write(data)
        receipt[name] = {"size": len(data), "crc32": zlib.crc32(data)}

    for k in range(len(CONTRASTS)):
        step = float(max(subject.image[k].max(), subject.twin[k].max())) / 4095
        write(names["image"][k], nifti_bytes(subject.image[k], subject.affine, step))
        if subject.lesion:
            write(names["twin"][k], nifti_bytes(subject.twin[k], subject.affine, step))
    write(names["mask"][0], nifti_bytes(subject.label, subject.affine))
    with atomic_write(folder / _RECEIPT) as f:
        json.dump(receipt, f, indent=1)


def is_complete(folder: Path, lesion: str | None) -> bool:
    """Whether every file of a subject is there and is, by size and CRC-32, the one that was written."""
    try:
        receipt = json.loads((folder / _RECEIPT).read_text(encoding="utf-8"))
        if set(receipt) != {name for role in subject_files(lesion).values() for name in role}:
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
