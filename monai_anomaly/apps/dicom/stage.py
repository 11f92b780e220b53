# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ...data.dicom_study import DicomSeries
from ...transforms.dicom_series import read_slice_stack
from ...transforms.multi_frame import read_multi_frame
from ...utils import DataError, listed

__all__ = ["stage_series"]


def stage_series(folder: Path, chosen: Mapping[str, DicomSeries]) -> list[str]:
    """Put the files of each series into a folder of its own, as links where the system has them: what reads a volume
    takes a folder for one series, and what exports a study puts all into one.

    Args:
        folder: for the folders, which are named by contrast, number and description, so that messages tell them.
        chosen: the series of each contrast.

    Returns:
        the folders, in order.

    Raises:
        DataError: a series is not one volume, see `read_slice_stack`, `read_multi_frame`, or a file of it is not read.
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
        try:
            _check_volume(place)
        except DataError as error:
            raise DataError(str(error).replace(f"{folder}{os.sep}", "")) from error
        folders.append(str(place))
    return folders


def _check_volume(place: Path) -> None:
    """One volume, and all of it: GDCM passes over a file that ends early, which would make the volume shorter."""
    stack = read_slice_stack(place)
    there = sorted(place.iterdir())
    if stack is None and len(there) == 1:
        read_multi_frame(place)
        return
    read = {file.name for file in stack.files} if stack is not None else set()
    if unread := [file.name for file in there if file.name not in read]:
        raise DataError(f"{place}: expected {len(there)} files that can be read, found some damaged: {listed(unread)}")
