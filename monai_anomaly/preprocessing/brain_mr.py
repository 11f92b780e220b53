# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import MetaTensor

from ..data import find_brain_mask
from ..registration import SpaceTransform, Volume, load_brain_template
from ..transforms import (
    BrainExtraction,
    ChangeSpace,
    N4BiasField,
    RegisterSessiond,
    RegisterToTemplated,
    ResampleToTemplated,
    ScaleIntensityByBrain,
)
from ..utils import DataError, one_of
from .load_scan import load_mask, load_scan

__all__ = ["STEPS", "BrainMRPreprocessing", "PreprocessedScan"]

STEPS = ("n4", "register", "strip", "scale")


@dataclass
class PreprocessedScan:
    """One person's scans in the space of the template.

    Attributes:
        images: modality -> (1, X, Y, Z).
        brain: the brain mask, (1, X, Y, Z), uint8.
        mask: a lesion mask that came along, (1, X, Y, Z), or None.
        transform: the way back to the grid of the reference.
        reference: the reference modality as it was loaded, in RAS order, (1, ...), for a look.
        reference_brain: its brain mask.
        report: measures of quality, settings and seconds of each step.
    """

    images: dict[str, MetaTensor]
    brain: MetaTensor
    mask: MetaTensor | None
    transform: SpaceTransform
    reference: MetaTensor
    reference_brain: MetaTensor
    report: dict[str, Any] = field(default_factory=dict)


class BrainMRPreprocessing:
    """Raw brain MR of one person to model space: brain mask, bias field, co-registration, MNI152, 1 mm.

    One contrast is the reference: its brain mask and its transform to the template serve all. The voxels of an image
    are interpolated once. After Wolleb, thesis 2022, ch. 9, experiments.

    Args:
        modalities: names of the scans, in order; the first is the reference unless another is named.
        reference: the modality that is registered to the template, best a T1.
        steps: which of ``"n4"``, ``"register"`` (to the template; without it the space is that of the reference),
            ``"strip"`` (0 outside the brain) and ``"scale"`` to do, in this order.
        extraction: how the brain is found, see `BrainExtraction`.
        template: see `load_brain_template`.
        degrees_of_freedom: of the registration to the template: 6, 7 or 12.
        spatial_size: of the result; (160, 192, 160) at 1 mm holds the whole brain of the template.
        spacing: voxel size of the result in mm.
        axcodes: where the axes of the result point.
        percentiles: of the brain, for ``"scale"``: what lies beyond is clipped, the range goes to [0, 1]. (2, 98) is
            the thesis' ch. 9; (0, 99) clips the top percent only.
        shrink: of the bias-field fit, see `N4BiasField`.
        device: of HD-BET.
        on_nonfinite: see `load_scan`.
        seed: of the registrations.

    Raises:
        ValueError: when a step or the reference is unknown.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        reference: str | None = None,
        steps: Sequence[str] | str = ("n4", "register", "strip"),
        extraction: str = "auto",
        template: str = "MNI152",
        degrees_of_freedom: int = 12,
        spatial_size: Sequence[int] = (160, 192, 160),
        spacing: float = 1.0,
        axcodes: str = "RAS",
        percentiles: Sequence[float] = (2.0, 98.0),
        shrink: int = 4,
        device: str = "cpu",
        on_nonfinite: str = "raise",
        seed: int = 0,
    ) -> None:
        self.modalities = tuple(modalities)
        self.reference = one_of("reference", self.modalities[0] if reference is None else reference, self.modalities)
        steps = [steps] if isinstance(steps, str) else list(steps)
        if unknown := set(steps) - set(STEPS):
            raise ValueError(f"steps must be among {STEPS}, got {sorted(unknown)}")
        self.steps = tuple(s for s in STEPS if s in steps)
        self.on_nonfinite = on_nonfinite
        self.template = load_brain_template(template)
        self.extract = BrainExtraction(extraction, template, device)
        self.session = RegisterSessiond(self.modalities, self.reference, seed=seed)
        self.n4 = N4BiasField(shrink=shrink)
        keys = [*self.modalities, "brain", "mask"]
        self.register = RegisterToTemplated(
            keys,
            self.reference,
            template=template,
            degrees_of_freedom=degrees_of_freedom,
            seed=seed,
            allow_missing_keys=True,
        )
        modes = ["bilinear"] * len(self.modalities) + ["nearest", "nearest"]
        self.resample = ResampleToTemplated(
            keys,
            modes,
            allow_missing_keys=True,
            template=template,
            spatial_size=spatial_size,
            spacing=spacing,
            axcodes=axcodes,
        )
        self.scale = ScaleIntensityByBrain("percentile", *percentiles)
        self.settings: dict[str, Any] = {
            "steps": self.steps,
            "reference": self.reference,
            "extraction": extraction,
            "template": template,
            "template_sha256": self.template.sha256,
            "degrees_of_freedom": degrees_of_freedom,
            "spatial_size": tuple(spatial_size),
            "spacing": spacing,
            "axcodes": axcodes,
            "percentiles": tuple(percentiles),
            "shrink": shrink,
            "on_nonfinite": on_nonfinite,
            "seed": seed,
        }

    def __call__(
        self, files: Mapping[str, str | os.PathLike], mask: str | os.PathLike | None = None
    ) -> PreprocessedScan:
        """Preprocess one person's scans.

        Args:
            files: modality -> volume or folder of a DICOM series.
            mask: a lesion mask of the reference that comes along (nearest neighbor).

        Raises:
            DataError: when a scan cannot be used, or a step fails; names the file.
        """
        if missing := [m for m in self.modalities if m not in files]:
            raise DataError(f"{files}: expected a scan for each of {list(self.modalities)}, found none for {missing}")
        report: dict[str, Any] = {"settings": self.settings, "seconds": {}}
        clock = _Clock(report["seconds"])
        d: dict[Any, Any] = {m: load_scan(files[m], self.on_nonfinite) for m in self.modalities}
        if mask is not None:
            d["mask"] = load_mask(mask, d[self.reference])
        clock("load")
        d["brain"], report["brain"] = self.extract(d[self.reference], [] if mask is None else [mask])
        reference, reference_brain = d[self.reference], d["brain"]
        clock("brain")
        d = self.session(d)
        report["session"] = d.pop("session_report")
        clock("session")
        if "n4" in self.steps:
            report["n4"] = {m: self._correct(d, m) for m in self.modalities}
            clock("n4")
        if "register" in self.steps:
            d = self.register(d)
            report["registration"], matrix = d.pop("registration_report"), d.pop("template_to_scan")
            clock("register")
        else:
            matrix = self._centered(d["brain"])
            change = ChangeSpace()
            d |= {k: change(d[k], matrix) for k in self.resample.keys if k in d}
        whole = Volume.of(d["brain"]).milliliters
        d = self.resample(d)
        report["kept_brain_fraction"] = Volume.of(d["brain"]).milliliters / whole
        clock("resample")
        for m in self.modalities:
            if "strip" in self.steps:
                d[m] = d[m] * (d["brain"] > 0)
            if "scale" in self.steps:
                d[m] = self.scale(d[m], d["brain"])
        clock("intensity")
        transform = SpaceTransform(
            matrix=matrix.tolist(),
            template=self.template.name,
            template_sha256=self.template.sha256,
            native_shape=list(reference.meta["native_shape"]),
            native_affine=np.asarray(reference.meta["native_affine"], dtype=float).tolist(),
            quality=report.get("registration", {}),
            native_header=reference.meta["native_header"],
        )
        images = {m: d[m] for m in self.modalities}
        return PreprocessedScan(images, d["brain"], d.get("mask"), transform, reference, reference_brain, report)

    def inputs(
        self, images: str | Sequence[str | os.PathLike], mask: str | os.PathLike | None = None
    ) -> dict[str, str | os.PathLike]:
        """Every file that decides about the result: modality -> scan, and the masks of the brain and of the lesion.

        Raises:
            DataError: when there is not one scan per modality, or a file is missing.
        """
        given = [images] if isinstance(images, str) else list(images)
        if len(given) != len(self.modalities):
            raise DataError(
                f"{given[0]}: expected a scan for each of {list(self.modalities)}, found {len(given)} in all"
            )
        files: dict[str, str | os.PathLike] = dict(zip(self.modalities, given, strict=True))
        for path in (*files.values(), *([] if mask is None else [mask])):
            if not Path(path).exists():
                raise DataError(f"{path}: expected a scan, found nothing")
        brain = None
        if self.settings["extraction"] in ("auto", "file") and Path(files[self.reference]).is_file():
            brain = find_brain_mask(files[self.reference], [] if mask is None else [mask])
        return files | ({} if brain is None else {"brain": brain}) | ({} if mask is None else {"mask": mask})

    def _correct(self, d: dict[Any, Any], modality: str) -> dict[str, float]:
        """Remove the bias field of an image, within the brain of the reference; the range of the field."""
        image: MetaTensor = d[modality]
        inside = Volume.of(d["brain"]).pulled(np.eye(4), Volume.of(image), order=0).values > 0
        corrected, log_field = self.n4(image, inside[None])
        d[modality] = corrected
        within = np.asarray(log_field)[0][inside]
        return {"log_field_low": float(within.min()), "log_field_high": float(within.max())}

    def _centered(self, brain: MetaTensor) -> np.ndarray:
        """The shift that lays the middle of the template's brain on that of a brain, (4, 4)."""
        corners = Volume.of(brain).points(np.asarray(brain[0]) > 0).double().numpy()
        matrix = np.eye(4)
        matrix[:3, 3] = (corners.min(0) + corners.max(0) - sum(self.template.box())) / 2
        return matrix


class _Clock:
    """Seconds since the last call, by name."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def __call__(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name], self.last = round(now - self.last, 3), now
