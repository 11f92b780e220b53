# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from monai.data import MetaTensor

from ..registration import BrainTemplate, save_transform
from ..utils import atomic_path, atomic_write, provenance
from .brain_mr import PreprocessedScan
from .figure import preprocessing_figure

__all__ = ["REPORT", "case_key", "is_done", "write_case"]

REPORT, TRANSFORM, PICTURE = "preprocessing.json", "to_template.json", "preprocessing.png"


def case_key(files: Mapping[str, str | os.PathLike], settings: Mapping[str, Any]) -> str:
    """Changes when a file or a setting does: a hash of paths, sizes, times and settings."""
    facts = [[name, str(Path(p).resolve()), *_stamp(Path(p))] for name, p in sorted(files.items())]
    return hashlib.sha256(json.dumps([facts, settings], sort_keys=True, default=list).encode()).hexdigest()[:16]


def is_done(folder: Path, key: str) -> bool:
    """Whether the folder of a case holds what these files and settings give."""
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return report.get("key") == key and all((folder / name).is_file() for name in report.get("files", []))


def write_case(
    folder: Path, scan: PreprocessedScan, key: str, files: Mapping[str, str | os.PathLike], template: BrainTemplate
) -> dict[str, str]:
    """Write images, brain mask, transform, picture and, last, the report.

    Args:
        folder: of the case.
        scan: what was preprocessed.
        key: of `case_key`.
        files: where the scans came from.
        template: that they were registered to.

    Returns:
        name -> file written, of images, brain and mask.
    """
    written = {}
    for name, image in {
        **scan.images,
        "brain": scan.brain,
        **({} if scan.mask is None else {"mask": scan.mask}),
    }.items():
        written[name] = folder / f"{name}.nii.gz"
        _write(written[name], image, np.float32 if name in scan.images else np.uint8)
    save_transform(folder / TRANSFORM, scan.transform)
    reference = scan.report["settings"]["reference"]
    title = f"{folder.name}: brain {scan.report['brain']['milliliters']:.0f} ml ({scan.report['brain']['method']})"
    if "registration" in scan.report:
        title += f", overlap with the template {scan.report['registration']['overlap']:.2f}"
    preprocessing_figure(folder / PICTURE, scan, reference, template, title)
    report = {
        "key": key,
        "inputs": {name: str(path) for name, path in files.items()},
        "files": [*(p.name for p in written.values()), TRANSFORM, PICTURE],
        **scan.report,
        "provenance": provenance(),
    }
    with atomic_write(folder / REPORT) as f:
        json.dump(report, f, indent=2, default=list)
    return {name: str(path) for name, path in written.items()}


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _write(path: Path, image: MetaTensor, dtype: type) -> None:
    values: np.ndarray = np.asarray(image[0].detach().cpu()).astype(dtype)
    with atomic_path(path) as temporary:
        nib.save(nib.Nifti1Image(values, np.asarray(image.affine, dtype=float)), temporary)
