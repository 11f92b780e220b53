# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from ..utils import SCALING_WARNING, atomic_write, check_writable, is_picture, lacks_spacing, provenance
from ..utils.native_image import array_plane, volume_affine
from ..visualize.report import REPORT, ReportLayer, write_case_report

__all__ = ["CaseWriter", "size_text", "threshold_text"]


def threshold_text(threshold: Mapping[str, Any]) -> str:
    """A threshold and where it comes from, in words."""
    rule = f" by {threshold['rule']}" if "rule" in threshold else ""
    return f"{threshold['value']:.3g}{rule} ({threshold['origin']})".replace("_", " ")


def size_text(voxels: int, mm3: float, mask: torch.Tensor) -> str:
    """How large a mask (C, X, Y) or (C, X, Y, Z) is, in words; a slice has no volume."""
    return f"{mm3 / 1000:.2f} ml, {voxels} voxels" if mask.ndim == 4 else f"{voxels} pixels"


def _known(sample: Mapping[str, Any]) -> dict[str, Any]:
    """What the datalist tells of an input."""
    known = {name: sample[name] for name in ("patient", "site", "label") if sample.get(name) is not None}
    return {name: value.item() if hasattr(value, "item") else value for name, value in known.items()}


class CaseWriter(ABC):
    """Base of handlers that write what an inference found, one folder per case, and print one line per case.

    ``scores.json`` has ``warnings`` where the intensities of the input are suspicious, see `ScaleIntensityByBrain`, and
    the ``weights`` where a `WeightsLoader` brought them; ``input`` has patient, site and label where a datalist tells
    them. ``report.html`` shows a case in a browser.

    A subclass writes the images and the picture and gives the scores; ``scores.json`` and, of raw scans,
    ``preprocessing.json`` are written here. Files are written whole or not at all. A handler, not a transform, so that
    MONAI Label, which runs transforms only, leaves nothing behind.

    Args:
        output_dir: folder of the cases' folders.
        settings: of the inference, for the record.
        channel: the input channel shown in the picture.
        name_key: entry of the batch that names the case.
        report_key: entry with the JSON of `PreprocessRawd`, of raw scans.
        page: write ``report.html``.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike,
        settings: Mapping[str, Any] | None = None,
        channel: int = -1,
        name_key: str = "subject",
        report_key: str = "preprocessing_report",
        page: bool = True,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.settings = dict(settings or {})
        self.channel = channel
        self.name_key = name_key
        self.report_key = report_key
        self.page = page

    def attach(self, engine: Engine) -> None:
        """Write the cases of each batch of an evaluator with postprocessing, within its iteration: a `CaseEvaluator`
        leaves out a case that cannot be written. A folder for which this is known at the start is an error then."""
        engine.add_event_handler(Events.STARTED, lambda: check_writable(self.output_dir))
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the cases of the last batch."""
        batch: Any = engine.state.batch
        output: Any = engine.state.output
        weights = getattr(engine.state, "pretrained", None)
        for sample, result in zip(batch, output, strict=True):
            folder = self.output_dir / str(sample[self.name_key])
            print(f"{folder}: {self.save(folder, sample, result, weights)}")

    def save(
        self,
        folder: Path,
        sample: Mapping[str, Any],
        result: Mapping[str, Any],
        weights: Mapping[str, Any] | None = None,
    ) -> str:
        """Write one case.

        Args:
            folder: of the case.
            sample: what it was made of.
            result: what was made of it.
            weights: ``file`` and ``sha256`` of those that made it.

        Returns:
            What was found, in one line.
        """
        self.write_images(folder, result)
        if self.report_key in sample:
            with atomic_write(folder / "preprocessing.json") as f:
                f.write(sample[self.report_key])
        found = self.scores(result)
        warning = getattr(result.get("image"), "meta", {}).get(SCALING_WARNING)
        about: dict[str, Any] = {"settings": self.settings}
        note = weights.get("note") if weights else None
        if weights:
            about["weights"] = {name: weights[name] for name in ("file", "sha256", "note") if weights.get(name)}
        about |= {"input": known} if (known := _known(sample)) else {}
        about["provenance"] = provenance()
        told = {"warnings": [warning]} if warning else {}
        name, summary = str(sample[self.name_key]), self.summary(found)
        with atomic_write(folder / "scores.json") as f:
            json.dump({"case": name, "summary": summary, **found, **told, **about}, f, indent=2)
        self.write_figure(folder, result, found)
        warnings = [*told.get("warnings", ()), *([f"made by {note}"] if note else [])]
        self._write_page(folder, name, result, found, about, warnings)
        return summary

    def _write_page(
        self,
        folder: Path,
        name: str,
        result: Mapping[str, Any],
        found: Mapping[str, Any],
        about: Mapping[str, Any],
        warnings: Sequence[str],
    ) -> None:
        """``report.html``, or none, also no earlier one."""
        layers = self.layers(result) if self.page else []
        if not layers:
            (folder / REPORT).unlink(missing_ok=True)
            return
        # of an "input" the network's own "image" may still be there, on another grid
        image: Any = result.get("input", result.get("image"))
        affine = None if is_picture(image) else volume_affine(image)
        known = affine is not None and not lacks_spacing(image) and (image.ndim == 4 or array_plane(image) == "axial")
        tables = {key: value for key, value in about.items() if key != "provenance"}
        tables["versions"] = {"date": about["provenance"]["date"], **about["provenance"]["versions"]}
        facts = self.facts(found, result)
        write_case_report(folder / REPORT, name, layers, facts, tables, warnings, affine, directions=known)

    @abstractmethod
    def write_images(self, folder: Path, result: Mapping[str, Any]) -> None:
        """Write the images of one case."""

    @abstractmethod
    def scores(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """What ``scores.json`` tells of one case, besides its name, the settings and the provenance."""

    @abstractmethod
    def write_figure(self, folder: Path, result: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Write ``figure.png`` of one case, whose scores are ``found``."""

    @abstractmethod
    def summary(self, found: Mapping[str, Any]) -> str:
        """One line about the scores of a case."""

    def layers(self, result: Mapping[str, Any]) -> list[ReportLayer]:
        """What ``report.html`` can show of one case, the input first; nothing: there is none."""
        return []

    def facts(self, found: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, str]:
        """What was found, in words, for ``report.html``."""
        return {}
