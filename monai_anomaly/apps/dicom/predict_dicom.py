# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser

from ...data.dicom_study import DicomSeries, DicomStudy, read_studies
from ...data.series_contrast import choose_series
from ...utils import DataError, as_path, latest_failures, read_json, write_json
from ..find_bundle import find_bundle
from ..predict import predict
from .derived import DerivedObjects
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
        overlays: as of `predict`.
        options: as of `predict`.

    Returns:
        The DICOM files.

    Raises:
        DataError: no study, no case that could be processed, or as `predict`.
    """
    _need_highdicom()
    results = Path(out).expanduser()
    folder = find_bundle(bundle)
    parser = ConfigParser()
    parser.read_config(folder / "configs" / "inference.json")
    names = options.get("channel_names", parser["channel_names"])
    if "raw" in parser.get():
        options["raw"] = raw if raw is not None else True
    elif raw:
        raise DataError(f"--raw: expected a bundle that preprocesses, found {folder.name}, which does not")
    mapping = _read_mapping(series)
    chosen: dict[str, tuple[DicomStudy, dict[str, DicomSeries]]] = {}
    failures: dict[str, str] = {}
    for one in read_studies(study):
        name = _free_name(one.name, [*chosen, *failures])
        try:
            chosen[name] = one, choose_series(one, names, mapping)
        except DataError as error:
            failures[name] = str(error)
    if not chosen:
        raise DataError("; ".join(failures.values()))
    with tempfile.TemporaryDirectory() as place:
        images = {name: stage_series(Path(place, name), used) for name, (_, used) in chosen.items()}
        datalist = Path(place, "datalist.json")
        section = [{"image": files if len(files) > 1 else files[0], "subject": name} for name, files in images.items()]
        write_json(datalist, {"name": "dicom", "modalities": list(names), "test": section})
        predict(str(folder), datalist, results, overlays, section="test", **options)
    left_out = {entry["case"] for entry in latest_failures(results, "left_out.json", "scores.json")}
    written: list[Path] = []
    for name in [name for name in chosen if name not in left_out]:
        try:
            written += _write(results / name, folder.name, *chosen[name])
        except DataError as error:
            failures[name] = str(error)
    _tell(results / LEFT_OUT, failures)
    return written


def _write(folder: Path, bundle: str, study: DicomStudy, used: Mapping[str, DicomSeries]) -> list[Path]:
    """The DICOM files of a case; results lie on the grid of the first of its series."""
    import pydicom

    sources = [pydicom.dcmread(file, stop_before_pixels=True) for file in next(iter(used.values())).files]
    number = 1 + max(series.number or 0 for series in study.series)
    written = DerivedObjects(sources, bundle, read_json(folder / "scores.json"), number).write(folder)
    write_json(folder / "series.json", {name: {"uid": s.uid, "series": str(s)} for name, s in used.items()})
    return written


def _tell(path: Path, failures: Mapping[str, str]) -> None:
    """Print what was left out, and write a list of it."""
    for name, reason in failures.items():
        print(f"left out: {name}: {reason}")
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


def _free_name(name: str, taken: Sequence[str]) -> str:
    """A name for a folder that no other case has."""
    base = re.sub(r"[^\w.+-]+", "_", name).strip("._") or "case"
    names = itertools.chain([base], (f"{base}_{i}" for i in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _need_highdicom() -> None:
    if find_spec("highdicom") is None:
        raise DataError("predict-dicom: expected the package highdicom, found none; pip install 'monai-anomaly[dicom]'")
