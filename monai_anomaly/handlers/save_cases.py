# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events

from ..utils import atomic_path, atomic_write, provenance
from .case_figure import case_figure

__all__ = ["SaveCases"]

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


class SaveCases:
    """Write what an inference found, one folder a case, in the input's own geometry (affine, shape, orientation).

    ``map.nii.gz``, ``healthy.nii.gz`` (channels last, shares of the intensity range), ``mask.nii.gz``, ``scores.json``
    and ``figure.png``; with several gradient scales also ``map_1.nii.gz``, ..., of raw scans
    ``preprocessing.json``. Files are written whole or not at all. A handler, not a transform,
    so that MONAI Label, which runs transforms only, leaves nothing behind.

    Args:
        output_dir: folder of the cases' folders.
        settings: of the translation, for the record.
        channel: the channel shown in the picture.
        name_key: entry of the batch that names the case.
        report_key: entry with the JSON of `PreprocessRawd`, of raw scans.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike,
        settings: Mapping[str, Any] | None = None,
        channel: int = -1,
        name_key: str = "subject",
        report_key: str = "preprocessing_report",
    ) -> None:
        self.output_dir = Path(output_dir)
        self.settings = dict(settings or {})
        self.channel = channel
        self.name_key = name_key
        self.report_key = report_key

    def attach(self, engine: Engine) -> None:
        """Write after each batch of an evaluator whose output is decollated."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the cases of the last batch."""
        batch: Any = engine.state.batch
        output: Any = engine.state.output
        for sample, result in zip(batch, output, strict=True):
            folder = self.output_dir / str(sample[self.name_key])
            self.save(folder, sample, result)
            print(f"{folder}: {self._summary(result)}")

    def save(self, folder: Path, sample: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Write one case: ``result`` holds ``image``, ``map``, ``healthy``, ``mask`` (C, ...) and ``threshold``."""
        maps = [k for k in result if k.split("_")[0] in ("map", "healthy") and isinstance(result[k], torch.Tensor)]
        for key in [*maps, "mask"]:
            _write_image(folder / f"{key}.nii.gz", result[key], np.uint8 if key == "mask" else np.float32)
        if self.report_key in sample:
            with atomic_write(folder / "preprocessing.json") as f:
                f.write(sample[self.report_key])
        with atomic_write(folder / "scores.json") as f:
            json.dump(self._scores(sample, result), f, indent=2)
        channel = {"image": self.channel, "healthy": self.channel, "map": 0, "mask": 0}
        views = [_array(result[key])[c] for key, c in channel.items()]
        anatomical = not _is_picture(result["image"])
        if anatomical:
            views = [_upright(v, _affine(result["map"])) for v in views]
        image, healthy, score, mask = views
        title = f"{folder.name}: threshold {result['threshold']['value']:.3g} ({result['threshold']['origin']})"
        case_figure(folder / "figure.png", image, healthy, score, mask, title.replace("_", " "), anatomical=anatomical)

    def _scores(self, sample: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
        score, mask = _array(result["map"])[0], _array(result["mask"])[0]
        voxel = abs(float(np.linalg.det(_affine(result["map"])[:3, :3])))
        top = np.sort(score.ravel())[-max(1, score.size // 100) :]
        return {
            "case": str(sample[self.name_key]),
            "threshold": result["threshold"],
            "mask_voxels": int(mask.sum()),
            "mask_mm3": float(mask.sum() * voxel),
            "map_mean": float(score.mean()),
            "map_max": float(score.max()),
            "map_mean_of_top_percent": float(top.mean()),
            "classifier_probability_diseased": None if "score" not in result else float(result["score"]),
            "settings": self.settings,
            "provenance": provenance(),
        }

    @staticmethod
    def _summary(result: Mapping[str, Any]) -> str:
        return f"{int(_array(result['mask']).sum())} voxels above {result['threshold']['value']:.3g}"


def _array(image: torch.Tensor) -> np.ndarray:
    return torch.as_tensor(image).detach().cpu().numpy()


def _affine(image: torch.Tensor) -> np.ndarray:
    """4 x 4 affine of an image; that of a 2D image, 3 x 3, is put into a volume's."""
    found = np.asarray(torch.as_tensor(getattr(image, "affine", torch.eye(4))).cpu(), dtype=np.float64)
    affine = np.eye(4)
    axes = [0, 1, 3] if len(found) == 3 else [0, 1, 2, 3]
    affine[np.ix_(axes, axes)] = found
    return affine


def _upright(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """A slice or volume with its axes turned to right, anterior, superior, for a picture."""
    import nibabel as nib

    volume = image[..., None] if image.ndim == 2 else image
    axes = nib.orientations.io_orientation(affine)
    turned: np.ndarray = nib.orientations.apply_orientation(volume, axes)
    return turned.squeeze(int(axes[2, 0])) if image.ndim == 2 else turned


def _is_picture(image: Any) -> bool:
    """Whether the file has no affine of its own: MONAI gives it that of an anatomical image, but its y grows down."""
    return str(getattr(image, "meta", {}).get("filename_or_obj", "")).lower().endswith(PICTURES)


def _write_image(path: Path, image: torch.Tensor, dtype: type) -> None:
    import nibabel as nib

    array: np.ndarray = _array(image).astype(dtype)
    array = array[0] if len(array) == 1 else np.moveaxis(array, 0, -1)
    with atomic_path(path) as temporary:
        nib.save(nib.Nifti1Image(array, _affine(image)), temporary)
