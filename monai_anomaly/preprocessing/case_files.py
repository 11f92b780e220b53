# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ..registration import BrainTemplate, save_transform
from ..utils import ALIGNED, MNI, atomic_write, label_type, provenance, write_nifti
from ..visualize import preprocessing_figure
from .brain_mr import PreprocessedScan

__all__ = ["REPORT", "case_key", "is_done", "write_case"]

REPORT, TRANSFORM, PICTURE = "preprocessing.json", "to_template.json", "preprocessing.png"


def case_key(files: Mapping[str, str | os.PathLike], settings: Mapping[str, Any]) -> str:
    """Changes when a file or a setting does: a hash of paths, sizes, times and settings; of a folder, of its files."""
    facts = []
    for name, given in sorted(files.items()):
        path = Path(given).resolve()
        facts += [[name, str(p), p.stat().st_size, p.stat().st_mtime_ns] for p in (path, *sorted(path.glob("*")))]
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
) -> None:
    """Write images, brain mask, transform, picture and, last, the report.

    Args:
        folder: of the case.
        scan: what was preprocessed.
        key: of `case_key`.
        files: where the scans came from.
        template: that they were registered to.
    """
    _forget(folder)
    images = {**scan.images, "brain": scan.brain}
    if scan.mask is not None:
        images["mask"] = scan.mask
    code = MNI if template.name == "MNI152" and "registration" in scan.report else ALIGNED
    written = {name: folder / f"{name}.nii.gz" for name in images}
    for name, image in images.items():
        values = np.asarray(image[0].detach().cpu())
        dtype = np.float32 if name in scan.images else label_type(values)
        write_nifti(written[name], values.astype(dtype), np.asarray(image.affine, dtype=float), code=code)
    save_transform(folder / TRANSFORM, scan.transform)
    reference = scan.report["settings"]["reference"]
    title = f"{folder.name}: brain {scan.report['brain']['milliliters']:.0f} ml ({scan.report['brain']['method']})"
    if "registration" in scan.report:
        title += f", overlap with the template {scan.report['registration']['overlap']:.2f}"
    results = {reference: scan.images[reference], **scan.images}
    preprocessing_figure(folder / PICTURE, scan.reference, scan.reference_brain, results, template, title)
    record = provenance()
    record["versions"] |= _versions()
    report = {
        "key": key,
        "inputs": {name: str(path) for name, path in files.items()},
        "files": [*(p.name for p in written.values()), TRANSFORM, PICTURE],
        **scan.report,
        "provenance": record,
    }
    with atomic_write(folder / REPORT) as f:
        json.dump(report, f, indent=2, default=list)


def _forget(folder: Path) -> None:
    """Take away what an earlier run left, the report first: it must not vouch for files that change."""
    try:
        old = json.loads((folder / REPORT).read_text(encoding="utf-8")).get("files", [])
    except (OSError, ValueError, AttributeError):
        return
    (folder / REPORT).unlink()
    for name in old:
        (folder / Path(name).name).unlink(missing_ok=True)


def _versions() -> dict[str, str]:
    """Of the packages that the preprocessing uses beside those of `provenance`."""
    found = {}
    for package in ("itk", "nibabel", "nilearn", "scipy", "hd-bet"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
