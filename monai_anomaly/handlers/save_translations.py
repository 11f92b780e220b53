# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..utils import is_picture
from ..utils.native_image import to_array, volume_affine, voxel_volume, write_image
from ..visualize import translation_case_figure
from ..visualize.limits import difference_limits
from ..visualize.report import ReportLayer
from ..visualize.style import PREDICTED, TRUTH, WANTED
from .case_writer import CaseWriter, size_text, threshold_text
from .training_settings import object_settings
from .translation_measure import MADE, made_images

__all__ = ["SaveTranslations"]

FOUND = "found"
DESIRED = "desired"


class SaveTranslations(CaseWriter):
    """Write translated cases, one folder per case, in the input's own geometry (affine, shape, orientation).

    ``translation.nii.gz`` and ``difference.nii.gz`` (translated image - input, with its sign; channels last, shares of
    the intensity range), ``map.nii.gz`` (sum over the channels of its absolute values), ``changed.nii.gz`` (uint8, the
    map above a threshold), ``scores.json`` and ``figure.png``; ``desired.nii.gz`` where a mask says what was to be put
    in, ``found_before.nii.gz`` and ``found_after.nii.gz`` where a segmenter was asked; of further sets of guides
    ``translation_1.nii.gz``, ...; of raw scans ``preprocessing.json``.

    A result holds ``image``, ``reconstruction``, ``difference``, ``map``, ``changed`` (C, ...), ``threshold``, perhaps
    ``desired``, ``found_before``, ``found_after`` (1, ...), and what `MeasuredValues` adds. ``scores.json`` tells
    what was asked for, and what was measured before and after: of a volume for each slice along the last axis of the
    array the networks see, from the feet up, null where there is nothing.

    Args:
        output_dir: folder of the cases' folders.
        settings: of the inference, for the record.
        guides: sets of guides by name, those of the inferer, for the record of what was asked for.
        kwargs: see `CaseWriter`.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike,
        settings: Mapping[str, Any] | None = None,
        guides: Sequence[Mapping[str, Any]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(output_dir, settings, **kwargs)
        self.guides = guides

    def write_images(self, folder: Path, result: Mapping[str, Any]) -> None:
        """Write translations, differences, maps and masks."""
        for end in made_images(result):
            for entry, name in ((MADE, "translation"), ("difference", "difference"), ("map", "map")):
                write_image(folder / f"{name}{end}.nii.gz", result[f"{entry}{end}"])
        for key in ("changed", DESIRED, *(key for key in result if key.startswith(FOUND))):
            if key in result:
                write_image(folder / f"{key}.nii.gz", result[key], np.uint8)

    def scores(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """What was asked for, what was measured, and how much changed."""
        voxel = voxel_volume(result["map"])

        def size(mask: torch.Tensor) -> dict[str, float]:
            voxels = int((to_array(mask) > 0).sum())
            return {"voxels": voxels, "mm3": voxels * voxel}

        measured: dict[str, dict[str, Any]] = {}
        lesion: dict[str, dict[str, float]] = {}
        for key, name, when in _before_and_after(result):
            if name == FOUND:
                lesion[when] = size(result[key])
            else:
                measured.setdefault(name, {})[when] = _numbers(result[key])
        scores: dict[str, Any] = {"asked": self._asked(), "measured": measured}
        if DESIRED in result:
            desired = result[DESIRED]
            scores["desired"] = size(desired)
            for end in made_images(result):
                if f"{FOUND}_after{end}" in result:
                    scores["desired"][f"dice{end}"] = _dice(desired, result[f"{FOUND}_after{end}"])
        if lesion:
            scores["lesion"] = lesion
        values = to_array(result["map"])
        changed = {"threshold": result["threshold"], **size(result["changed"])}
        changed |= {"map_mean": float(values.mean()), "map_max": float(values.max())}
        return {**scores, "changed": changed}

    def write_figure(self, folder: Path, result: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Input, translated images with the outlines, and their differences."""
        ends = {f"translation{end}".replace("_", " "): end for end in made_images(result)}

        def views(entry: str) -> dict[str, np.ndarray]:
            channel = 0 if entry == f"{FOUND}_after" else self.channel
            keys = {name: f"{entry}{end}" for name, end in ends.items() if f"{entry}{end}" in result}
            return {name: to_array(result[key])[channel] for name, key in keys.items()}

        masks = {name: to_array(result[key])[0] for name, key in _MASKS.items() if key in result}
        translation_case_figure(
            folder / "figure.png",
            to_array(result["image"])[self.channel],
            views(MADE),
            views("difference"),
            found_after=views(f"{FOUND}_after"),
            affine=None if is_picture(result["image"]) else volume_affine(result["map"]),
            title=f"{folder.name}: {self.summary(found)}".replace("_", " "),
            **masks,
        )

    def layers(self, result: Mapping[str, Any]) -> list[ReportLayer]:
        """Input, translated images, their differences, and outlines of what was asked for and found."""
        layers = [ReportLayer("input", to_array(result["image"])[self.channel])]
        ends = list(made_images(result))
        signed = [to_array(result[f"difference{end}"])[self.channel] for end in ends]
        limits = difference_limits(*signed, percentile=99.9)
        for end in ends:
            layers.append(
                ReportLayer(f"translation{end}".replace("_", " "), to_array(result[f"{MADE}{end}"])[self.channel])
            )
        for end, values in zip(ends, signed, strict=True):
            layers.append(ReportLayer(f"difference{end}".replace("_", " "), values, "difference", limits))
        colors = {DESIRED: WANTED, f"{FOUND}_before": TRUTH, **{f"{FOUND}_after{end}": PREDICTED for end in ends}}
        there = {key: color for key, color in colors.items() if key in result}
        masks = [(key.replace("_", " "), to_array(result[key])[0], color) for key, color in there.items()]
        return [*layers, *(ReportLayer(name, mask, "outline", color=color) for name, mask, color in masks)]

    def facts(self, found: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, str]:
        """Sizes of the lesion before and after, and of what changed."""
        sizes = {f"lesion {when}": size for when, size in found.get("lesion", {}).items()}
        sizes["changed"] = found["changed"]
        facts = {name: size_text(size["voxels"], size["mm3"], result["changed"]) for name, size in sizes.items()}
        return {name.replace("_", " "): text for name, text in facts.items()} | {
            "threshold of what changed": threshold_text(found["changed"]["threshold"])
        }

    def _asked(self) -> list[dict[str, Any]]:
        """What each set of guides leads to."""
        return [{name: _described(guide) for name, guide in guides.items()} for guides in self.guides]

    def summary(self, found: Mapping[str, Any]) -> str:
        """The size of the lesion, or of what changed."""
        if found.get("lesion"):
            return "lesion of " + " to ".join(f"{part['voxels']}" for part in found["lesion"].values()) + " voxels"
        return f"{found['changed']['voxels']} voxels changed"


def _described(guide: Any) -> dict[str, Any]:
    """Kind and settings of a guide, as far as they are given."""
    found = object_settings("guide", guide)
    return {place.removeprefix("guide."): value for place, value in found.items() if value is not None}


_MASKS = {"desired": DESIRED, "found": f"{FOUND}_before"}


def _before_and_after(result: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Entries of what was measured, with the name of the measure, and ``before``, ``after``, ``after_1``, ..."""
    for key in result:
        if found := re.fullmatch(r"(.+)_(before|after(?:_\d+)?)", str(key)):
            yield key, found[1], found[2]


def _numbers(values: torch.Tensor) -> Any:
    """A number, or one for each slice; None for NaN."""
    rounded = [None if np.isnan(v) else round(float(v), 6) for v in to_array(values).ravel()]
    return rounded if np.ndim(values) else rounded[0]


def _dice(one: torch.Tensor, other: torch.Tensor) -> float:
    a, b = to_array(one) > 0, to_array(other) > 0
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))
