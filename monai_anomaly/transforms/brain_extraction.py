# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, look_up_option
from scipy import ndimage as ndi

from ..data import find_brain_mask, load_brain_mask
from ..registration import Volume, find_brain, load_brain_template
from ..utils import DataError, read_nifti
from .check_image import file_of
from .foreground import find_foreground

__all__ = ["BrainExtraction", "BrainExtractionD", "BrainExtractionDict", "BrainExtractiond"]

METHODS = ("auto", "file", "stripped", "hd-bet", "template")
SIZES = (700.0, 2200.0)
"""Plausible volumes of a brain in ml."""

_APART = 6.0  # mm: two searches that end so far from each other leave the place of the brain open


class BrainExtraction(Transform):
    """The brain mask of a head scan, and how far to trust it.

    Methods:

    * ``"file"``: a mask beside the scan, as HD-BET and others write it, see `find_brain_mask`;
    * ``"stripped"``: the scan has no skull, and is 0, or another constant, outside the brain;
    * ``"hd-bet"``: run the command ``hd-bet`` (Isensee et al., Human Brain Mapping 40, 2019) on the CPU or GPU;
    * ``"template"``: lay the mask of a template on the head, see `find_brain`; a fallback, good enough to run a
      pipeline (median Dice about 0.95), not to publish with, and it says so;
    * ``"auto"``: the first of these that is possible.

    Args:
        method: one of those.
        template: of the last method, see `load_brain_template`.
        device: of HD-BET: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        timeout: of HD-BET, in seconds.

    Raises:
        DataError: when the method is not possible or fails, or no brain is found.
    """

    backend = [TransformBackends.NUMPY]

    def __init__(
        self, method: str = "auto", template: str = "MNI152", device: str = "cpu", timeout: float = 1800.0
    ) -> None:
        self.method = look_up_option(method, METHODS)
        self.template = template
        self.device = device
        self.timeout = timeout

    def __call__(
        self, img: MetaTensor, not_brain: Sequence[str | os.PathLike] = ()
    ) -> tuple[MetaTensor, dict[str, Any]]:
        """The mask, (1, X, Y, Z), uint8, and a report: ``method``, ``file``, ``milliliters``, ``warnings``.

        Args:
            img: (1, X, Y, Z), RAS or any other orientation; the file it came from is named in its metadata.
            not_brain: files that hold other masks, such as that of a lesion.
        """
        if img.ndim != 4 or len(img) != 1:
            raise DataError(f"{file_of(img)}: expected a volume (1, X, Y, Z), found the shape {tuple(img.shape)}")
        head = Volume.of(img)
        method, file = self._choose(img, head, not_brain)
        report: dict[str, Any] = {"method": method, "file": None, "warnings": []}
        if method == "file":
            if file is None:
                raise DataError(f"{file_of(img)}: expected a brain mask beside it (..._bet, ..._mask), found none")
            inside, report["file"] = load_brain_mask(file, head), str(file)
        elif method == "stripped":
            inside = _largest(find_foreground(head.values, in_noise=False).inside)
        elif method == "hd-bet":
            inside = self._hd_bet(head, file_of(img))
        else:
            inside, found = find_brain(
                Volume(np.maximum(head.values, 0), head.affine), load_brain_template(self.template)
            )
            report["warnings"].append("the mask is that of a template laid on the head: rough at its rim")
            if found.disagreement > _APART:
                report["warnings"].append(f"two searches ended {found.disagreement:.0f} mm from each other")
        if not inside.any():
            raise DataError(f"{file_of(img)}: expected a brain, found none with the method {method!r}")
        report["milliliters"] = size = Volume(inside.astype(np.float32), head.affine).milliliters
        if not SIZES[0] <= size <= SIZES[1]:
            report["warnings"].append(f"a brain of {size:.0f} ml; expected {SIZES[0]:.0f} to {SIZES[1]:.0f}")
        for text in report["warnings"]:
            warnings.warn(f"{file_of(img)}: {text}", stacklevel=2)
        return MetaTensor(torch.from_numpy(inside[None].astype(np.uint8)), affine=img.affine), report

    def _choose(self, img: MetaTensor, head: Volume, not_brain: Sequence[str | os.PathLike]) -> tuple[str, Path | None]:
        """The method, and the mask that lies beside the scan, where that is looked for."""
        scan = Path(file_of(img))
        looked_for = self.method in ("auto", "file") and scan.is_file()
        file = find_brain_mask(scan, not_brain) if looked_for else None
        if self.method != "auto":
            return self.method, file
        if file is not None:
            return "file", file
        if _is_stripped(head):
            return "stripped", None
        return "hd-bet" if shutil.which("hd-bet") else "template", None

    def _hd_bet(self, head: Volume, name: str) -> np.ndarray:
        """In a folder of its own: HD-BET deletes files of certain names beside its output."""
        command = shutil.which("hd-bet")
        if command is None:
            raise DataError(
                f"{name}: expected the command hd-bet, found none: pip install hd-bet, or take another method"
            )
        with tempfile.TemporaryDirectory() as folder:
            scan, out = os.path.join(folder, "scan.nii.gz"), os.path.join(folder, "out.nii.gz")
            canonical = nib.as_closest_canonical(nib.Nifti1Image(head.values, head.affine))
            nib.save(canonical, scan)
            options = ["-i", scan, "-o", out, "-device", self.device, "--save_bet_mask"]
            options += ["--disable_tta"] if self.device == "cpu" else []
            try:
                done = subprocess.run([command, *options], capture_output=True, text=True, timeout=self.timeout)
            except subprocess.TimeoutExpired as error:
                raise DataError(
                    f"{name}: expected hd-bet to end within {self.timeout:g} s, found it running"
                ) from error
            if done.returncode:
                raise DataError(f"{name}: hd-bet failed: {done.stderr.strip()[-300:] or done.stdout.strip()[-300:]}")
            mask = next((p for p in (out[:-7] + "_bet.nii.gz", out[:-7] + "_mask.nii.gz") if os.path.exists(p)), None)
            if mask is None:
                raise DataError(f"{name}: expected a mask from hd-bet, found {sorted(os.listdir(folder))}")
            values, geometry = read_nifti(mask, "the mask of hd-bet")
            found = Volume(values.astype(np.float32), geometry.affine)
            return found.pulled(np.eye(4), like=head, order=0).values > 0


def _is_stripped(head: Volume) -> bool:
    """Whether a brain lies in a constant background; whole heads are larger, and slabs of them cross the border."""
    inside = _largest(find_foreground(head.values, in_noise=False).inside)
    faces = np.concatenate([inside.take(i, axis).ravel() for axis in range(3) for i in (0, -1)])
    size = Volume(inside.astype(np.float32), head.affine).milliliters
    return SIZES[0] / 2 <= size <= SIZES[1] and bool(faces.mean() < 0.1)


def _largest(inside: np.ndarray) -> np.ndarray:
    """The largest connected part, its holes filled."""
    labels, count = ndi.label(inside)
    if count == 0:
        return inside
    part: np.ndarray = ndi.binary_fill_holes(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))
    return part


class BrainExtractiond(MapTransform):
    """Dictionary version of :class:`BrainExtraction`.

    Args:
        keys: scans.
        mask_keys: entries for their masks.
        report_keys: entries for the reports.
        allow_missing_keys: skip keys a sample does not have.
        kwargs: of :class:`BrainExtraction`.
    """

    backend = BrainExtraction.backend

    def __init__(
        self,
        keys: KeysCollection,
        mask_keys: Sequence[str] | str = "brain",
        report_keys: Sequence[str] | str = "brain_report",
        allow_missing_keys: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_keys = [mask_keys] if isinstance(mask_keys, str) else list(mask_keys)
        self.report_keys = [report_keys] if isinstance(report_keys, str) else list(report_keys)
        if not len(self.keys) == len(self.mask_keys) == len(self.report_keys):
            raise ValueError(f"expected one mask key and one report key for each of {self.keys}")
        self.extract = BrainExtraction(**kwargs)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Find the brains of a sample."""
        d = dict(data)
        for key, mask_key, report_key in self.key_iterator(d, self.mask_keys, self.report_keys):
            d[mask_key], d[report_key] = self.extract(d[key])
        return d


BrainExtractionD = BrainExtractionDict = BrainExtractiond
