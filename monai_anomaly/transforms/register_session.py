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
from scipy import ndimage as ndi

from ..registration import Volume, register_session
from ..utils import DataError, corner_distance
from .change_space import ChangeSpace
from .check_image import file_of

__all__ = ["RegisterSession", "RegisterSessionD", "RegisterSessionDict", "RegisterSessiond"]

_RING, _TOLERANCE, _FAR, _APART = 6.0, 0.1, 60.0, 4.0  # mm


class RegisterSession(ChangeSpace):
    """Bring a scan into the space of another contrast of the same head, by a rigid registration.

    Voxels are not touched, the affine is. An image on the grid of the reference is taken to be registered.

    Args:
        seed: of the registration's random points.

    Raises:
        DataError: when two searches that are about as good end more than 4 mm apart, or the scan would move by more
            than 60 mm, counted from where the centers of mass lie on each other if that is less.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def __call__(  # type: ignore[override]
        self, img: MetaTensor, reference: MetaTensor, brain: MetaTensor
    ) -> tuple[MetaTensor, dict[str, float]]:
        """The image in the space of the reference, and a report: ``moved_mm`` on average, ``disagreement_mm`` of two
        searches, ``similarity``; empty where nothing was to do.

        Args:
            img: (1, X, Y, Z).
            reference: (1, ...), with or without skull, as ``img``.
            brain: mask on the grid of the reference, (1, ...).
        """
        same = img.shape == reference.shape
        if same and corner_distance(img.affine, reference.affine, img.shape[1:]) < _TOLERANCE:
            return img, {}
        fixed, moving = _positive(reference), _positive(img)
        outside = np.asarray(brain[0].detach().cpu()) <= 0
        inside = ndi.distance_transform_edt(outside, sampling=fixed.spacing) <= _RING
        found = register_session(fixed, moving, inside, self.seed)
        points = fixed.points(inside).double().numpy()
        shift = points @ found.matrix[:3, :3].T + found.matrix[:3, 3] - points
        centered = shift - (moving.center_of_mass() - fixed.center_of_mass())
        moved, far = (float(np.linalg.norm(v, axis=1).mean()) for v in (shift, centered))
        if min(moved, far) > _FAR or found.disagreement > _APART:
            raise DataError(
                f"{file_of(img)}: expected the head of {file_of(reference)}, found no registration that is sure: "
                f"moved by {moved:.0f} mm, two searches end {found.disagreement:.1f} mm apart"
            )
        report = {"moved_mm": moved, "disagreement_mm": found.disagreement, "similarity": found.similarity}
        return super().__call__(img, found.matrix), report


class RegisterSessiond(MapTransform, InvertibleTransform):
    """Dictionary version of :class:`RegisterSession`: the contrasts of one person come into the space of one of them.

    Args:
        keys: images (1, X, Y, Z) of one person, the reference among them or not.
        reference_key: the image the others are registered to.
        mask_key: entry with the brain mask on the grid of the reference.
        report_key: entry for the reports of the images that moved, by key.
        seed: of the registration's random points.
        allow_missing_keys: skip keys a sample does not have.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        keys: KeysCollection,
        reference_key: str,
        mask_key: str = "brain",
        report_key: str = "session_report",
        seed: int = 0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.reference_key = reference_key
        self.mask_key = mask_key
        self.report_key = report_key
        self.register = RegisterSession(seed)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Register the images of a sample."""
        d, reports = dict(data), {}
        for key in self.key_iterator(d):
            d[key], report = self.register(d[key], data[self.reference_key], data[self.mask_key])
            if report:
                reports[key] = report
        d[self.report_key] = reports
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move the images back; those that were not moved stay."""
        d = dict(data)
        for key in self.key_iterator(d):
            operations = d[key].applied_operations
            if operations and operations[-1]["class"] == RegisterSession.__name__:
                d[key] = self.register.inverse(d[key])
        return d


def _positive(image: MetaTensor) -> Volume:
    volume = Volume.of(image)
    return Volume(np.maximum(volume.values, 0), volume.affine)


RegisterSessionD = RegisterSessionDict = RegisterSessiond
