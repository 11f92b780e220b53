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
from ..utils import DataError
from .change_space import ChangeSpace
from .check_image import corner_distance, file_of

__all__ = ["RegisterSessionD", "RegisterSessionDict", "RegisterSessiond"]

_RING, _TOLERANCE, _FAR, _APART = 6.0, 0.1, 60.0, 4.0  # mm


class SessionSpace(ChangeSpace):
    """The change of space that `RegisterSessiond` makes."""


class RegisterSessiond(MapTransform, InvertibleTransform):
    """Bring the contrasts of one person into the space of one of them, by rigid registrations.

    Voxels are not touched, the affines are. An image on the grid of the reference is taken to be registered.

    Args:
        keys: images (1, X, Y, Z) of one person, the reference among them or not.
        reference_key: the image the others are registered to.
        mask_key: entry with the brain mask on the grid of the reference.
        report_key: entry for how far each image moved on average, in mm, and how sure that is.
        seed: of the registration's random points.
        allow_missing_keys: skip keys a sample does not have.

    Raises:
        DataError: when two searches that are about as good end more than 4 mm apart, or an image would move by more
            than 60 mm, counted from where the centers of mass lie on each other if that is less.
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
        self.seed = seed
        self.change = SessionSpace()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Register the images of a sample."""
        d = dict(data)
        reference: MetaTensor = d[self.reference_key]
        fixed, report = _positive(reference), {}
        brain = np.asarray(d[self.mask_key][0].detach().cpu()) > 0
        inside = ndi.distance_transform_edt(~brain, sampling=fixed.spacing) <= _RING
        points = fixed.points(inside).double().numpy()
        for key in self.key_iterator(d):
            image: MetaTensor = d[key]
            same = image.shape == reference.shape
            if key == self.reference_key or (
                same and corner_distance(image.affine, reference.affine, image.shape[1:]) < _TOLERANCE
            ):
                continue
            moving = _positive(image)
            found = register_session(fixed, moving, inside, self.seed)
            shift = points @ found.matrix[:3, :3].T + found.matrix[:3, 3] - points
            centered = shift - (moving.center_of_mass() - fixed.center_of_mass())
            moved = float(np.linalg.norm(shift, axis=1).mean())
            far = min(moved, float(np.linalg.norm(centered, axis=1).mean()))
            if far > _FAR or found.disagreement > _APART:
                raise DataError(
                    f"{file_of(image)}: expected the head of {file_of(reference)}, found no registration that is sure: "
                    f"moved by {moved:.0f} mm, two searches end {found.disagreement:.1f} mm apart"
                )
            report[key] = {"moved_mm": moved, "disagreement_mm": found.disagreement, "similarity": found.similarity}
            d[key] = self.change(image, found.matrix)
        d[self.report_key] = report
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move the images back; those that were not moved stay."""
        d = dict(data)
        for key in self.key_iterator(d):
            operations = d[key].applied_operations
            if operations and operations[-1]["class"] == SessionSpace.__name__:
                d[key] = self.change.inverse(d[key])
        return d


def _positive(image: MetaTensor) -> Volume:
    volume = Volume.of(image)
    return Volume(np.maximum(volume.values, 0), volume.affine)


RegisterSessionD = RegisterSessionDict = RegisterSessiond
