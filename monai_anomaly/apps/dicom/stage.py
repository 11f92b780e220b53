# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...data.dicom_study import DicomSeries

__all__ = ["stage_series"]


def stage_series(folder: Path, chosen: Mapping[str, DicomSeries]) -> list[str]:
    """Put the files of each series into a folder of its own, as links where the system has them: what reads a volume
    takes a folder for one series, and what exports a study puts all into one.

    Args:
        folder: for the folders, which are named by contrast, number and description, so that messages tell them.
        chosen: the series of each contrast.

    Returns:
        the folders, in order.
    """
    folders = []
    for contrast, series in chosen.items():
        words = [contrast, str(series.number or ""), re.sub(r"[^\w+-]+", "_", series.description)]
        place = folder / "_".join(word for word in words if word)
        place.mkdir(parents=True)
        for i, file in enumerate(series.files):
            link = place / f"{i:04d}_{file.name}"
            try:
                link.symlink_to(file.resolve())
            except OSError:  # Windows, and some network drives
                shutil.copyfile(file, link)
        folders.append(str(place))
    return folders
