# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser

from ...data.choose_series import check_frames, choose_series
from ...data.dicom_study import DicomSeries, DicomStudy, read_studies
from ...utils import DataError, as_path, describe, read_json, write_json
from ..find_bundle import find_bundle
from ..predict import inference_files, predict
from .derived import DerivedObjects, remove_derived
from .sources import read_sources
from .stage import stage_series

__all__ = ["predict_dicom"]

LEFT_OUT = "left_out_dicom.json"


def predict_dicom(
    bundle: str,
    study: str | os.PathLike,
    out: str | os.PathLike,
    series: str | os.PathLike | Mapping[str, Any] | None = None,
    raw: bool | None = None,
    overlays: Sequence[str] = (),
    **options: Any,
) -> list[Path]:
    """Run a bundle on DICOM studies: beside the usual results, the mask becomes a DICOM segmentation and the maps
    parametric maps, in the study's frame of reference.

    A case that fails is left out and listed; the others go on.

    Examples:
        monai-anomaly predict-dicom diffanomaly STUDY results
        monai-anomaly predict-dicom diffanomaly STUDY results --series "{'t1ce': '7', 'flair': '*dark fluid*'}"
        monai-anomaly predict-dicom diffseg STUDY results --series series.yaml --raw False

    Args:
        bundle: its name or folder.
        study: a folder with one study or several, at any depth, whatever the names of the files.
        out: folder for the results, one folder per study, named by Patient ID and date.
        series: which series is which contrast, where the descriptions do not say: contrast: number, Series Instance
            UID, or description with * and ?; or a JSON or YAML file of this.
        raw: preprocess first (brain mask, bias field, registration); None: yes where the bundle can. False for studies
            without skull whose contrasts lie on one grid.
        overlays: as of predict.
        options: as of predict.

    Returns:
        The DICOM files.

    Raises:
        DataError: no study, no case that could be processed, or as `predict`.
    """
    _need_highdicom()
    if own := [name for name in ("dataset_dir", "output_dir", "section", "shard") if name in options]:
        raise DataError(f"--{own[0]}: expected an option of the inference, found one that predict-dicom sets itself")
    results, folder = Path(out).expanduser(), find_bundle(bundle)
    parser = ConfigParser()
    parser.read_config(inference_files(folder, overlays))
    channels = list(options.get("channel_names", parser["channel_names"]))
    if "raw" in parser.get():
        options["raw"] = raw if raw is not None else True
    elif raw:
        raise DataError(f"--raw: expected a bundle that preprocesses, found {folder.resolve().name}, which does not")
    mapping = _read_mapping(series)
    studies, failures = read_studies(study)
    names = _case_names(studies)
    chosen: dict[str, tuple[DicomStudy, dict[str, DicomSeries]]] = {}
    section = []
    with tempfile.TemporaryDirectory() as place:
        for name, one in names.items():
            remove_derived(results / name)
            try:
                used = choose_series(one, channels, mapping)
                check_frames(used, registered=options.get("raw", False))
                files = stage_series(Path(place, name), used)
            except DataError as error:
                failures[name] = str(error)
                continue
            chosen[name] = one, used
            section.append({"image": files if len(files) > 1 else files[0], "subject": name})
        _write_failures(results / LEFT_OUT, failures)
        if not chosen:
            raise DataError("; ".join(f"{name}: {reason}" for name, reason in failures.items()))
        datalist = Path(place, "datalist.json")
        write_json(datalist, {"name": "dicom", "modalities": channels, "test": section})
        earlier = {name: _written_at(results / name) for name in chosen}
        predict(str(folder), datalist, results, overlays, section="test", **options)
    written: list[Path] = []
    for name in [name for name in chosen if _written_at(results / name) != earlier[name]]:
        try:
            written += _write(results / name, folder.resolve().name, *chosen[name])
        except Exception as error:  # whatever highdicom does not like about one study, the others go on
            failures[name] = describe(error)
    _write_failures(results / LEFT_OUT, failures)
    for name, reason in failures.items():
        print(f"left out: {name}: {reason}")
    if not written:
        raise DataError(f"{results}: expected a study whose results can be DICOM, found none; see {LEFT_OUT} there")
    return written


def _case_names(studies: Sequence[DicomStudy]) -> dict[str, DicomStudy]:
    """Studies by names of folders: Patient ID and date and, where that is not unique, cannot be a name, or there is no
    Patient ID, some letters of the Study Instance UID, so that another patient never has this name."""
    plain = ["_".join(part for part in (one.patient_id, one.date) if part) for one in studies]
    clean = [re.sub(r"[^\w.+-]+", "_", name).strip("._") for name in plain]
    count = Counter(name.casefold() for name in clean)
    names = {}
    for one, wanted, name in zip(studies, plain, clean, strict=True):
        own = one.patient_id and name == wanted and count[name.casefold()] == 1
        letters = hashlib.sha256(one.uid.encode()).hexdigest()[:8]
        names[name if own else f"{name or 'study'}_{letters}"] = one
    return names


def _written_at(folder: Path) -> int | None:
    """When the results of a case were last written."""
    file = folder / "scores.json"
    return file.stat().st_mtime_ns if file.is_file() else None


def _write(folder: Path, bundle: str, study: DicomStudy, used: Mapping[str, DicomSeries]) -> list[Path]:
    """The DICOM files of a case; results lie on the grid of the first of its series."""
    sources = read_sources(next(iter(used.values())).files)
    number = 1 + max(series.number or 0 for series in study.series)
    written = DerivedObjects(sources, bundle, read_json(folder / "scores.json"), number).write(folder)
    series = {name: {"uid": one.uid, "series": str(one)} for name, one in used.items()}
    write_json(folder / "series.json", {"study": study.uid, "series": series})
    return written


def _write_failures(path: Path, failures: Mapping[str, str]) -> None:
    """The list of what was left out; where nothing was there is none, also of an earlier run."""
    path.unlink(missing_ok=True)
    if failures:
        write_json(path, [{"case": name, "reason": reason} for name, reason in failures.items()])


def _read_mapping(series: str | os.PathLike | Mapping[str, Any] | None) -> dict[str, Any]:
    """Contrast and series, given or in a file."""
    if series is None:
        return {}
    if not isinstance(series, Mapping):
        path = as_path(series, "series")
        try:
            series = yaml.safe_load(path.read_text(encoding="utf-8"))  # reads JSON, too
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise DataError(f"{path}: expected series by contrast, JSON or YAML, found {error}") from error
        if not isinstance(series, Mapping):
            raise DataError(f"{path}: expected series by contrast, e.g. t1ce: 7, found {type(series).__name__}")
    return {str(contrast): rule for contrast, rule in series.items()}


def _need_highdicom() -> None:
    if find_spec("highdicom") is None:
        raise DataError("predict-dicom: expected the package highdicom, found none; pip install highdicom")
