# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.utils import look_up_option

from ..utils import DataError
from .assemble_datalist import assemble_datalist
from .csv_table import read_table
from .existing import existing_file, existing_folder
from .patients import match_patient

__all__ = ["make_chexpert_datalist"]

HEALTHY = "No Finding"


def make_chexpert_datalist(
    root: str | os.PathLike,
    *,
    finding: str = "Pleural Effusion",
    uncertain: str = "exclude",
    frontal_only: bool = True,
    table: str = "train.csv",
    subject: str = r"patient\d+",
    seed: int = 0,
    split: Sequence[float] = (0.8, 0.1, 0.1),
) -> dict[str, Any]:
    """List chest X-rays of CheXpert (Irvin et al., AAAI 2019): healthy ones and ones with a finding.

    Class 1 has the finding, class 0 has "No Finding" (and not the finding); images that are neither are not used. The
    header entry ``not_used`` counts them. The patient is read from the path. ``view`` (AP or PA) is spread evenly over
    the sections, because sick patients are mostly imaged AP.

    Args:
        root: the folder that holds ``train.csv``.
        finding: column of the disease.
        uncertain: what a finding marked -1 counts as: ``"exclude"`` (the image is not used), ``"positive"`` or
            ``"negative"`` (absent: the image is used if it has "No Finding").
        frontal_only: leave out lateral views.
        table: the CSV file in ``root``.
        subject: regular expression that finds the patient in the path in the table: its first group, or all it
            matches.
        seed: of the split by patient.
        split: shares of training, validation and test.

    Raises:
        DataError: the folder, the table or a column is missing, or no image is left.
    """
    look_up_option(uncertain, ("exclude", "positive", "negative"))
    root = existing_folder(root, f"{table} and the images of CheXpert")
    found = read_table(root / table, ["Path", "Frontal/Lateral", "AP/PA", HEALTHY, finding])
    samples, cases, left_out, not_used = [], [], [*found.left_out], Counter[str]()
    for line, row in found.rows:
        reason = "lateral" if frontal_only and row["Frontal/Lateral"] != "Frontal" else None
        case = f"{root / table}, line {line}"
        try:
            label = None if reason else _label(row, finding, uncertain)
        except ValueError as error:
            raise DataError(f"{case}: expected 1.0, 0.0, -1.0 or a blank as finding, found {error}") from error
        if label is None:
            not_used[reason or ("uncertain" if _is(row[finding], -1) else "neither healthy nor diseased")] += 1
            continue
        path = _image(root, row["Path"])
        if not path.is_file():
            left_out.append({"case": case, "reason": f"{path}: expected an image, found nothing"})
        else:
            view = row["AP/PA"] or row["Frontal/Lateral"]
            patient = match_patient(subject, case, row["Path"])
            samples.append({"image": str(path), "label": label, "subject": patient, "view": view})
            cases.append(case)
    datalist = assemble_datalist(
        samples,
        root=root,
        description=f"CheXpert: 0 = {HEALTHY}, 1 = {finding} (uncertain: {uncertain}), split by patient",
        modalities=["xray"],
        seed=seed,
        split=split,
        left_out=left_out,
        cases=cases,
        notes=found.notes,
    )
    return {"description": datalist.pop("description"), "not_used": dict(not_used), **datalist}


def _is(entry: str, value: float) -> bool:
    return bool(entry) and float(entry) == value


def _label(row: Mapping[str, str], finding: str, uncertain: str) -> int | None:
    """Return the class of an image, or ``None`` when it is not used."""
    if _is(row[finding], 1) or (_is(row[finding], -1) and uncertain == "positive"):
        return 1
    if _is(row[finding], -1) and uncertain == "exclude":
        return None
    return 0 if _is(row[HEALTHY], 1) else None


def _image(root: Path, path: str) -> Path:
    """Find an image; the table's paths begin with the name of the release, which the folder may have lost."""
    choices = [existing_file(root.parent, path), existing_file(root, path)]
    choices.append(root.joinpath(*Path(path.replace("\\", "/")).parts[1:]))
    return next((choice for choice in choices if choice.is_file()), choices[-1])
