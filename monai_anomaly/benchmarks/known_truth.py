# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.data import MetaTensor
from scipy import ndimage as ndi
from scipy.spatial.transform import Rotation

from ..data.phantom import CONTRASTS, PhantomSubject, make_subject
from ..preprocessing.brain_mr import BrainMRPreprocessing
from ..preprocessing.native import to_native
from ..registration import BrainTemplate, Volume, load_brain_template, register_affine
from ..transforms import N4BiasField, RegisterToTemplated
from ..utils import DataError

__all__ = ["bias_field_cases", "capture_cases", "registration_cases", "round_trip_cases"]

SITES = "ABCD"
REGISTERED = ("t1", "t2", "flair")
_CENTER = np.array([0.0, -18, 8])


def registration_cases(count: int, deformation: float, spacing: float = 2.0) -> Iterator[dict[str, Any]]:
    """Error of the registration of brains that were moved, turned by up to 20 degrees and scaled by 0.9 to 1.1.

    Args:
        count: how many people; contrasts and sites take turns.
        deformation: 0: brains of the template's own shape, whose affine is known exactly; 1: people, whose truth is the
            affine that fits their known deformation best.
        spacing: voxel size in mm.
    """
    template = load_brain_template()
    for i in range(count):
        person = make_subject(100 + i, SITES[i % 4], None, spacing, deformation)
        contrast = REGISTERED[i % 3]
        move = random_move(np.random.default_rng(i), 20, 20, 0.1)
        true = move @ _best_affine(person)
        values = person.image[CONTRASTS.index(contrast)] * (person.mask > 0)
        start = time.process_time()
        found = register_affine(template.image, Volume(values, move @ person.affine), template.brain_and_ring)
        error = _errors(template, found.matrix, true)
        yield {
            "contrast": contrast,
            "site": person.site,
            "error_mm": float(error.mean()),
            "worst_mm": float(error.max()),
            "determinant_ratio": found.determinant / float(np.linalg.det(true[:3, :3])),
            "cpu_seconds": time.process_time() - start,
        }


def capture_cases(count: int, spacing: float = 3.0) -> Iterator[dict[str, Any]]:
    """What becomes of brains turned by 35 degrees about each axis and moved by 60 mm along each: error, or refusal."""
    template = load_brain_template()
    register = RegisterToTemplated("scan", "scan", mask_key=None)
    for i in range(count):
        person = make_subject(200 + i, SITES[i % 4], None, spacing)
        rng = np.random.default_rng(i)
        move = np.eye(4)
        move[:3, :3] = Rotation.from_euler("xyz", 35 * rng.choice([-1, 1], 3), degrees=True).as_matrix()
        move[:3, 3] = 60 * rng.choice([-1, 1], 3)
        contrast = REGISTERED[i % 3]
        values = person.image[CONTRASTS.index(contrast)] * (person.mask > 0)
        scan = MetaTensor(torch.from_numpy(values[None]), affine=torch.from_numpy(move @ person.affine))
        row: dict[str, Any] = {"contrast": contrast, "site": person.site, "error_mm": None, "refused": None}
        try:
            found = register({"scan": scan})["template_to_scan"]
            row["error_mm"] = float(_errors(template, found, move @ _best_affine(person)).mean())
        except DataError as error:
            row["refused"] = str(error)
        yield row


def bias_field_cases(count: int, spacing: float = 1.0, **settings: Any) -> Iterator[dict[str, Any]]:
    """N4 against the phantom's known bias field: correlation of the logarithms, and the evenness of white matter.

    Args:
        count: how many people, each with three contrasts.
        spacing: voxel size in mm.
        settings: of `N4BiasField`.
    """
    for i in range(count):
        person = make_subject(300 + i, SITES[i % 4], None, spacing)
        inside, white = person.mask > 0, person.tissue == 3
        for contrast in REGISTERED:
            c = CONTRASTS.index(contrast)
            start = time.process_time()
            corrected, log_field = N4BiasField(**settings)(person.image[c : c + 1], person.mask[None])
            seconds = time.process_time() - start
            true = np.log(person.bias[c])[inside]
            images = (person.image[c], np.asarray(corrected)[0], person.image[c] / person.bias[c])
            before, after, clean = (float(v[white].std() / v[white].mean()) for v in images)
            yield {
                "contrast": contrast,
                "site": person.site,
                "correlation": float(np.corrcoef(np.asarray(log_field)[0][inside], true)[0, 1]),
                "white_cv_before": before,
                "white_cv_after": after,
                "white_cv_without_field": clean,
                "cpu_seconds": seconds,
            }


def round_trip_cases(count: int, spacing: float = 1.0) -> Iterator[dict[str, Any]]:
    """The whole chain there and back: Dice of a lesion mask, and how far a map's center of mass is off.

    A person's T1 and FLAIR, moved and stored LPS, are preprocessed; their mask comes along and is brought back; and so
    is a map whose centers are known.
    """
    for i in range(count):
        person = make_subject(400 + i, SITES[i % 4], "tumour", spacing)
        move = random_move(np.random.default_rng(i), 15, 20, 0.0)
        with tempfile.TemporaryDirectory() as folder:
            images = {"t1": person.image[0], "flair": person.image[3], "seg": person.label}
            files = {
                name: _save(Path(folder) / f"{name}.nii.gz", v, move @ person.affine) for name, v in images.items()
            }
            start = time.perf_counter()
            scan = BrainMRPreprocessing(["t1", "flair"])({k: files[k] for k in ("t1", "flair")}, files["seg"])
            wall = time.perf_counter() - start
        assert scan.mask is not None
        there = MetaTensor((scan.mask.as_tensor() > 0).float(), affine=scan.mask.affine)
        back, true = np.asarray(to_native(there, scan.transform)[0])[::-1, ::-1] > 0.5, person.label > 0
        smooth = MetaTensor(torch.from_numpy(ndi.gaussian_filter(np.asarray(there), (0, 3, 3, 3))), affine=there.affine)
        centers = [_center(smooth), _center(to_native(smooth, scan.transform))]
        expected = (np.array(scan.transform.matrix) @ [*centers[0], 1])[:3]
        yield {
            "site": person.site,
            "mask_dice": float(2 * (back & true).sum() / (back.sum() + true.sum())),
            "map_center_mm": float(np.linalg.norm(centers[1] - expected)),
            "kept_brain_fraction": scan.report["kept_brain_fraction"],
            "wall_seconds": wall,
            "seconds": scan.report["seconds"],
            "peak_memory_so_far_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        }


def random_move(rng: np.random.Generator, degrees: float, shift: float, scale: float) -> np.ndarray:
    """A random turn about the middle of the brain, scale of each axis and shift in mm, (4, 4)."""
    matrix = np.eye(4)
    turn = Rotation.from_euler("xyz", rng.uniform(-degrees, degrees, 3), degrees=True).as_matrix()
    matrix[:3, :3] = turn @ np.diag(rng.uniform(1 - scale, 1 + scale, 3))
    matrix[:3, 3] = _CENTER - matrix[:3, :3] @ _CENTER + rng.uniform(-shift, shift, 3)
    return matrix


def _errors(template: BrainTemplate, found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """How far two affines put points of the template's brain from each other, in mm."""
    points = np.asarray(template.image.points(template.brain))[::50].astype(float)
    errors: np.ndarray = np.linalg.norm((found - true)[:3] @ np.c_[points, np.ones(len(points))].T, axis=0)
    return errors


def _best_affine(person: PhantomSubject) -> np.ndarray:
    """Template to person: the affine that fits the known deformation best, (4, 4)."""
    index = np.argwhere(person.mask > 0)[::7]
    here = index @ person.affine[:3, :3].T + person.affine[:3, 3]
    there = here + person.to_template[:, index[:, 0], index[:, 1], index[:, 2]].T
    solution = np.linalg.lstsq(np.c_[there, np.ones(len(there))], here, rcond=None)[0]
    return np.r_[solution.T, [[0, 0, 0, 1]]]


def _save(path: Path, values: np.ndarray, affine: np.ndarray) -> Path:
    """Stored LPS."""
    flip = np.diag([-1.0, -1, 1, 1])
    flip[:2, 3] = values.shape[0] - 1, values.shape[1] - 1
    nib.save(nib.Nifti1Image(np.ascontiguousarray(values[::-1, ::-1]), affine @ flip), path)
    return path


def _center(image: MetaTensor) -> np.ndarray:
    center: np.ndarray = (np.asarray(image.affine) @ [*ndi.center_of_mass(np.asarray(image[0])), 1])[:3]
    return center
