# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import DataError, is_picture
from ..utils.native_image import to_array, volume_affine, write_image
from ..visualize import classification_case_figure
from ..visualize.limits import map_limits
from ..visualize.report import ReportLayer
from .case_writer import CaseWriter

__all__ = ["SaveClassifications"]


class SaveClassifications(CaseWriter):
    """Write what a classifier says of cases, and where it looked, one folder per case.

    ``map.nii.gz`` (float32, in the input's own geometry), ``scores.json`` and ``figure.png``; of raw scans
    ``preprocessing.json``. A result holds ``input`` (C, ...), shares of the intensity range, and ``map`` (1, ...), both
    in the input's geometry; ``probability`` (K,), and perhaps ``distance`` (K,) to the class centers, see
    `ClassMapInferer`.

    Args:
        output_dir: folder of the cases' folders.
        settings: of the inference, for the record.
        class_names: of the K classes, in order.
        target: the class that the maps speak for; None: the one an image is called.
        kwargs: see `CaseWriter`.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike,
        settings: Mapping[str, Any] | None = None,
        class_names: Sequence[str] = ("healthy", "diseased"),
        target: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(output_dir, settings, **kwargs)
        self.class_names = list(class_names)
        self.target = target

    def write_images(self, folder: Path, result: Mapping[str, Any]) -> None:
        """Write the map.

        Raises:
            DataError: when there are not as many probabilities as classes with a name.
        """
        if (found := len(result["probability"])) != len(self.class_names):
            raise DataError(f"expected {len(self.class_names)} classes, {self.class_names}, the network gives {found}")
        write_image(folder / "map.nii.gz", result["map"])

    def scores(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Class, probabilities, distances, and what the map is like."""
        probability, values = to_array(result["probability"]), to_array(result["map"])
        called = int(probability.argmax())
        scores: dict[str, Any] = {
            "class": {"index": called, "name": self.class_names[called]},
            "probability": self._by_class(probability),
        }
        if "distance" in result:
            scores["distance"] = self._by_class(to_array(result["distance"]))
        mapped = self.class_names[called if self.target is None else self.target]
        return {**scores, "map": {"class": mapped, "mean": float(values.mean()), "max": float(values.max())}}

    def write_figure(self, folder: Path, result: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Slices of the input in three planes, without and with the map."""
        classification_case_figure(
            folder / "figure.png",
            to_array(result["input"])[self.channel],
            to_array(result["map"])[0],
            affine=None if is_picture(result["input"]) else volume_affine(result["map"]),
            name=f"map of {found['map']['class']}",
            title=f"{folder.name}: {self.summary(found)}",
        )

    def layers(self, result: Mapping[str, Any]) -> list[ReportLayer]:
        """Input and map."""
        values = to_array(result["map"])[0]
        image = ReportLayer("input", to_array(result["input"])[self.channel])
        return [image, ReportLayer("what speaks for the class", values, "map", map_limits(values))]

    def facts(self, found: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, str]:
        """Class, and the numbers of every class."""
        facts = {"class": found["class"]["name"]}
        facts |= {f"probability of {name}": f"{p:.3f}" for name, p in found["probability"].items()}
        facts |= {f"distance to {name}": f"{d:.3f}" for name, d in found.get("distance", {}).items()}
        return {**facts, "map": f"of {found['map']['class']}; no segmentation"}

    def summary(self, found: Mapping[str, Any]) -> str:
        """The class, and the numbers of every class."""
        numbers = "; ".join(
            f"{name} p = {p:.2f}" + (f", distance {found['distance'][name]:.2f}" if "distance" in found else "")
            for name, p in found["probability"].items()
        )
        return f"{found['class']['name']} ({numbers})"

    def _by_class(self, values: np.ndarray) -> dict[str, float]:
        return dict(zip(self.class_names, values.tolist(), strict=True))
