# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..utils import is_picture
from ..utils.native_image import to_array, volume_affine, voxel_volume, write_image, write_vectors
from ..visualize import anomaly_case_figure
from ..visualize.case_figures import LITTLE
from ..visualize.limits import anomaly_limits, difference_limits
from ..visualize.report import ReportLayer
from .case_writer import CaseWriter, size_text, threshold_text

__all__ = ["SaveCases"]


class SaveCases(CaseWriter):
    """Write what an inference found, one folder per case, in the input's own geometry (affine, shape, orientation).

    ``map.nii.gz``, ``reconstruction.nii.gz`` (channels last, shares of the intensity range), ``mask.nii.gz``,
    ``scores.json`` and ``figure.png``; ``difference.nii.gz`` where the result has it; where a network moved the image
    ``displacement.nii.gz``, see :py:func:`write_vectors`, and ``log_jacobian.nii.gz``; with several gradient scales
    also ``map_1.nii.gz``, ..., of raw scans ``preprocessing.json``. A result holds ``image``, ``map``,
    ``reconstruction``, ``mask`` (C, ...) and ``threshold``, perhaps ``displacement`` (3, ...) in mm
    (`WorldDisplacementd`) and ``log_jacobian``. For the arguments see `CaseWriter`.
    """

    images = ("map", "reconstruction", "difference")
    """Entries that are written with the number of each gradient scale behind their name."""

    def write_images(self, folder: Path, result: Mapping[str, Any]) -> None:
        """Write maps, reconstructions, differences and mask."""
        maps = [k for k in result if k.split("_")[0] in self.images and isinstance(result[k], torch.Tensor)]
        if "displacement" in result:
            maps.append("log_jacobian")
            write_vectors(folder / "displacement.nii.gz", result["displacement"])
        for key in [*maps, "mask"]:
            write_image(folder / f"{key}.nii.gz", result[key], np.uint8 if key == "mask" else np.float32)

    def scores(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Size of the mask, what the map is like, and what the classifier says."""
        values, mask = to_array(result["map"])[0], to_array(result["mask"])[0]
        top = np.sort(values.ravel())[-max(1, values.size // 100) :]
        return {
            "threshold": result["threshold"],
            "mask_voxels": int(mask.sum()),
            "mask_mm3": float(mask.sum() * voxel_volume(result["map"])),
            "map_mean": float(values.mean()),
            "map_max": float(values.max()),
            "map_mean_of_top_percent": float(top.mean()),
            "classifier_probability_diseased": None if "probability" not in result else float(result["probability"]),
        }

    def write_figure(self, folder: Path, result: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Input, reconstruction, map and mask, the difference and how the image was moved where these are known."""
        shown = {**dict.fromkeys(("image", "reconstruction", "difference"), self.channel), "map": 0, "mask": 0}
        views = {key: to_array(result[key])[c] for key, c in {**shown, "log_jacobian": 0}.items() if key in result}
        if "displacement" in result:
            field = to_array(result["displacement"])
            to_mm = volume_affine(result["displacement"])[:3, : field.ndim - 1]
            views["displacement"] = np.tensordot(np.linalg.pinv(to_mm), field, axes=1)
        affine = None if is_picture(result["image"]) else volume_affine(result["map"])
        threshold = found["threshold"]["value"]
        title = f"{folder.name}: threshold {threshold:.3g} ({found['threshold']['origin']})".replace("_", " ")
        anomaly_case_figure(folder / "figure.png", **views, threshold=threshold, affine=affine, title=title)

    def layers(self, result: Mapping[str, Any]) -> list[ReportLayer]:
        """Input, reconstructions, maps and mask."""
        threshold = float(result["threshold"]["value"])
        layers = [ReportLayer("input", to_array(result["image"])[self.channel])]
        for key in (k for k in result if k.startswith("reconstruction")):
            layers.append(ReportLayer(f"healthy {key}".replace("_", " "), to_array(result[key])[self.channel]))
        for key in (k for k in result if k == "map" or k.startswith("map_")):
            values = to_array(result[key])[0]
            limits = anomaly_limits(values, threshold)
            layers.append(ReportLayer(f"anomaly {key}".replace("_", " "), values, "map", limits))
        if "difference" in result:
            signed = to_array(result["difference"])[self.channel]
            limits = difference_limits(signed, percentile=99.9, least=LITTLE)
            layers.append(ReportLayer("signed difference", signed, "difference", limits))
        return [*layers, ReportLayer("mask", to_array(result["mask"])[0], "outline")]

    def facts(self, found: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, str]:
        """Size of the mask, threshold, probability."""
        facts = {
            "flagged": size_text(found["mask_voxels"], found["mask_mm3"], result["mask"]),
            "threshold": threshold_text(found["threshold"]),
            "map, mean of its highest percent": f"{found['map_mean_of_top_percent']:.3g}",
        }
        probability = found["classifier_probability_diseased"]
        return facts if probability is None else {"probability of disease": f"{probability:.3f}", **facts}

    def summary(self, found: Mapping[str, Any]) -> str:
        """Size of the mask and its threshold."""
        return f"{found['mask_voxels']} voxels above {found['threshold']['value']:.3g}"
