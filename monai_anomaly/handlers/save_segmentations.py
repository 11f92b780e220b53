# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from ..transforms.mask_encoding import MaskEncoding
from ..utils import is_picture
from ..utils.native_image import to_array, volume_affine, voxel_volume, write_image
from ..visualize import segmentation_case_figure
from ..visualize.report import ReportLayer
from ..visualize.style import COLORS
from .case_writer import CaseWriter, size_text, threshold_text

__all__ = ["SaveSegmentations"]


class SaveSegmentations(CaseWriter):
    """Write segmented cases, one folder per case, in the input's own geometry (affine, shape, orientation).

    ``mean.nii.gz``, ``variance.nii.gz``, ``entropy.nii.gz`` (float32, several regions last), ``mask.nii.gz`` (uint8
    label map), ``scores.json`` and ``figure.png``; where the samples were kept, their masks in ``samples.nii.gz``
    (uint8, last axis sample by sample, each its regions); of raw scans ``preprocessing.json``.

    A result holds ``image`` (C, ...), shares of the intensity range, ``mean``, ``variance``, ``entropy`` (K, ...),
    ``mask`` (1, ...), ``threshold``, and perhaps ``samples`` (n K, ...), masks sample by sample, see
    `SlicewiseSegmentationInferer` and `DecodeMaskd`.

    ``scores.json`` tells of every region, under its name, its size in the mask and the mean entropy in bits of the
    voxels on either side of its surface. Where the samples were kept, it also tells its size in every sample, with mean
    and standard deviation (unbiased).

    Args:
        output_dir: folder of the cases' folders.
        settings: of the inference, for the record.
        encoding: of the masks; None: binary.
        kwargs: see `CaseWriter`.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike,
        settings: Mapping[str, Any] | None = None,
        encoding: MaskEncoding | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(output_dir, settings, **kwargs)
        self.encoding = encoding or MaskEncoding()

    def write_images(self, folder: Path, result: Mapping[str, Any]) -> None:
        """Write mean, variance, entropy, label map and perhaps samples.

        Raises:
            ValueError: when maps or samples do not have the channels of the encoding, or samples are no masks.
        """
        names = list(self.encoding.names)
        for key in ("mean", "variance", "entropy"):
            if len(result[key]) != len(names):
                raise ValueError(f"expected {len(names)} channel(s) {names} in '{key}', found {len(result[key])}")
        if len(result.get("samples", ())) % len(names):
            raise ValueError(
                f"expected a multiple of {len(names)} channels {names} in 'samples', found {len(result['samples'])}"
            )
        if "samples" in result and (values := set(np.unique(to_array(result["samples"])).tolist())) - {0, 1}:
            raise ValueError(f"expected masks in 'samples', 0 and 1, found values up to {max(values):.3g}")
        for key in ("mean", "variance", "entropy"):
            write_image(folder / f"{key}.nii.gz", result[key])
        write_image(folder / "mask.nii.gz", result["mask"], np.uint8)
        if "samples" in result:
            write_image(folder / "samples.nii.gz", result["samples"], np.uint8)

    def scores(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Size and doubt of every region."""
        voxel = voxel_volume(result["mask"])
        regions: dict[str, dict[str, Any]] = {}
        masks, entropies = self._masks(result), to_array(result["entropy"])
        for name, mask, entropy in zip(self.encoding.names, masks, entropies, strict=True):
            rim = _rim(mask)
            regions[name] = {
                "voxels": int(mask.sum()),
                "mm3": float(mask.sum() * voxel),
                "rim_entropy": float(entropy[rim].mean()) if rim.any() else None,
            }
        if "samples" in result:
            samples = to_array(result["samples"])
            sizes = voxel * samples.reshape(-1, len(regions), samples[0].size).sum(-1)
            for region, mm3 in zip(regions.values(), sizes.T, strict=True):
                sd = float(mm3.std(ddof=1)) if len(mm3) > 1 else None
                region["samples"] = {"mm3": mm3.tolist(), "mean": float(mm3.mean()), "sd": sd}
        return {"threshold": result["threshold"], "encoding": self.encoding.kind, "regions": regions}

    def write_figure(self, folder: Path, result: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Input, mean, variance and outlines."""
        image = to_array(result["image"])[self.channel]
        mean, variance, mask = to_array(result["mean"]), to_array(result["variance"]), self._masks(result)
        about: dict[str, Any] = {
            "names": self.encoding.names,
            "window": (0.0, 1.0),
            "affine": None if is_picture(result["image"]) else volume_affine(result["mask"]),
            "title": f"{folder.name}: {self.summary(found)}",
        }
        segmentation_case_figure(folder / "figure.png", image, mean, variance, mask, **about)

    def layers(self, result: Mapping[str, Any]) -> list[ReportLayer]:
        """Input, mean, variance and entropy of the region where they are highest, and the outline of each region."""
        layers = [ReportLayer("input", to_array(result["image"])[self.channel])]
        for key in ("mean", "variance", "entropy"):
            values = to_array(result[key]).max(0)
            top = 1.0 if key != "variance" else float(values.max()) or 1.0
            layers.append(ReportLayer(key, values, "map", (0.0, top)))
        for i, (name, mask) in enumerate(zip(self.encoding.names, self._masks(result), strict=True)):
            layers.append(ReportLayer(name, mask, "outline", color=COLORS[i % len(COLORS)]))
        return layers

    def facts(self, found: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, str]:
        """Size and doubt of every region, threshold."""
        facts = {}
        for name, region in found["regions"].items():
            facts[name] = size_text(region["voxels"], region["mm3"], result["mask"])
            if region["rim_entropy"] is not None:
                facts[f"{name}, doubt at its surface"] = f"{region['rim_entropy']:.2f} bits"
        return {**facts, "threshold": threshold_text(found["threshold"])}

    def summary(self, found: Mapping[str, Any]) -> str:
        """Size of every region."""
        return ", ".join(f"{name} {r['voxels']} voxels ({r['mm3']:.0f} mm3)" for name, r in found["regions"].items())

    def _masks(self, result: Mapping[str, Any]) -> np.ndarray:
        """What the label map says of every region, (K, ...) bool."""
        return self.encoding.encode(torch.from_numpy(to_array(result["mask"]))).numpy() > 0


def _rim(mask: np.ndarray) -> np.ndarray:
    """Voxels of a mask that touch the outside by a face, and those outside that touch the mask; an edge is no rim."""
    return ndimage.binary_dilation(mask) & ~ndimage.binary_erosion(mask, border_value=1)
