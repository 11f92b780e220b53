# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import TransformBackends

from ..registration import BrainTemplate, Volume, load_brain_template, register_affine
from ..utils import DataError
from .change_space import ChangeSpace
from .check_image import file_of

__all__ = ["RegisterToTemplate", "RegisterToTemplateD", "RegisterToTemplateDict", "RegisterToTemplated"]

LIMITS = {"determinant": (0.4, 1.6), "overlap": (0.85, 1.0), "disagreement_mm": (0.0, 4.0)}
"""Where the measures of a registration must lie: size of the brain against the template's, overlap of the brain masks,
distance between the ends of two searches."""


class RegisterToTemplate(ChangeSpace):
    """Bring the image of a brain into the space of a template by an affine registration, see `register_affine`.

    Voxels are not touched, the affine is: interpolate once, with `ResampleToTemplate`. A registration that cannot be
    right is refused.

    Args:
        template: see `load_brain_template`.
        degrees_of_freedom: 6, 7 or 12.
        seed: of the registration's random points.

    Raises:
        DataError: when there is no brain, or a measure is outside of its limits.
    """

    def __init__(self, template: str = "MNI152", degrees_of_freedom: int = 12, seed: int = 0) -> None:
        self.template = load_brain_template(template)
        self.degrees_of_freedom = degrees_of_freedom
        self.seed = seed

    def find(self, img: MetaTensor, mask: MetaTensor | None = None) -> tuple[np.ndarray, dict[str, float]]:
        """The (4, 4) matrix, points of the template to points of the scan in mm, RAS; and a report: ``similarity``,
        ``determinant`` (size of the brain against the template's), ``overlap`` of the brains, ``disagreement_mm`` of
        two searches.

        Args:
            img: (1, X, Y, Z), without skull or with a mask.
            mask: the brain, on its grid; None: where the image is above 0.
        """
        scan = Volume.of(img)
        if mask is not None:
            inside = np.asarray(mask[0].detach().cpu()) > 0
            # a mask is brain also where the intensity is 0
            values = np.where(inside, np.maximum(scan.values, np.float32(1e-6)), np.float32(0))
            scan = Volume(values, scan.affine)
        if not (scan.values > 0).any():
            raise DataError(f"{file_of(img)}: expected a brain to register, found nothing above 0")
        found = register_affine(
            self.template.image, scan, self.template.brain_and_ring, self.degrees_of_freedom, seed=self.seed
        )
        report = {
            "similarity": found.similarity,
            "determinant": found.determinant,
            "overlap": _overlap(self.template, scan, found.matrix, rigid=self.degrees_of_freedom == 6),
            "disagreement_mm": found.disagreement,
        }
        check_registration(report, file_of(img))
        return found.matrix, report

    def __call__(  # type: ignore[override]
        self, img: MetaTensor, mask: MetaTensor | None = None
    ) -> tuple[MetaTensor, np.ndarray, dict[str, float]]:
        """The image in the space of the template, and what `find` returns."""
        matrix, report = self.find(img, mask)
        return super().__call__(img, matrix), matrix, report


class RegisterToTemplated(MapTransform, InvertibleTransform):
    """Dictionary version of :class:`RegisterToTemplate`: one contrast is registered, and its transform serves all.

    Args:
        keys: images (1, X, Y, Z) of one person, co-registered.
        reference_key: the image that is registered, without skull or with ``mask_key``.
        mask_key: entry with the brain mask on the grid of the reference; None: where the reference is above 0.
        transform_key: entry for the matrix.
        report_key: entry for the measures of quality.
        allow_missing_keys: skip keys a sample does not have.
        kwargs: of :class:`RegisterToTemplate`.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        keys: KeysCollection,
        reference_key: str,
        mask_key: str | None = "brain",
        transform_key: str = "template_to_scan",
        report_key: str = "registration_report",
        allow_missing_keys: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.reference_key = reference_key
        self.mask_key = mask_key
        self.transform_key = transform_key
        self.report_key = report_key
        self.register = RegisterToTemplate(**kwargs)
        self.change = ChangeSpace()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Register the reference and move all images."""
        d = dict(data)
        mask = None if self.mask_key is None else d[self.mask_key]
        matrix, d[self.report_key] = self.register.find(d[self.reference_key], mask)
        d[self.transform_key] = matrix
        for key in self.key_iterator(d):
            d[key] = self.change(d[key], matrix)
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move the images back."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.change.inverse(d[key])
        return d


def check_registration(report: Mapping[str, float], name: str) -> None:
    """Raise an error where a measure is outside of its limits."""
    wrong = [
        f"{key} {report[key]:.2f} (expected {low:g} to {high:g})"
        for key, (low, high) in LIMITS.items()
        if not low <= report[key] <= high
    ]
    if wrong:
        raise DataError(f"{name}: expected a brain that can be registered to the template, found {', '.join(wrong)}")


def _overlap(template: BrainTemplate, scan: Volume, matrix: np.ndarray, rigid: bool) -> float:
    """Dice of the brain masks; of a rigid registration, which keeps sizes, as a share of the largest they allow."""
    moved = scan.above_zero().pulled(matrix, like=template.image, order=0).values > 0
    sizes = int(moved.sum()), int(template.brain.sum())
    largest = 2 * min(sizes) / sum(sizes) if rigid else 1.0
    return float(2 * (moved & template.brain).sum() / sum(sizes) / max(largest, np.finfo(float).tiny))


RegisterToTemplateD = RegisterToTemplateDict = RegisterToTemplated
