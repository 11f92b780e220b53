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

_RING, _TOLERANCE, _FAR = 6.0, 0.1, 60.0  # mm


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
        DataError: when an image would move by more than 60 mm.
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
        self.change = ChangeSpace()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Register the images of a sample."""
        d = dict(data)
        reference: MetaTensor = d[self.reference_key]
        fixed, report = _volume(reference), {}
        brain = np.asarray(d[self.mask_key][0].detach().cpu()) > 0
        inside = ndi.distance_transform_edt(~brain, sampling=fixed.spacing) <= _RING
        for key in self.key_iterator(d):
            image: MetaTensor = d[key]
            same = image.shape == reference.shape
            if key == self.reference_key or (
                same and corner_distance(image.affine, reference.affine, image.shape[1:]) < _TOLERANCE
            ):
                continue
            found = register_session(fixed, _volume(image), inside, self.seed)
            points = fixed.points(inside).double().numpy()
            moved = points @ found.matrix[:3, :3].T + found.matrix[:3, 3]
            shift = float(np.linalg.norm(moved - points, axis=1).mean())
            if shift > _FAR:
                raise DataError(
                    f"{file_of(image)}: expected the head of {file_of(reference)}, found one {shift:.0f} mm away"
                )
            report[key] = {"moved_mm": shift, "disagreement_mm": found.disagreement, "similarity": found.similarity}
            d[key] = self.change(image, found.matrix)
        d[self.report_key] = report
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move the images back; those that were not moved stay."""
        d = dict(data)
        for key in self.key_iterator(d):
            last = self.change.get_most_recent_transform(d[key], check=False) if d[key].applied_operations else {}
            if last.get("class") == type(self.change).__name__ and last.get("id") == id(self.change):
                d[key] = self.change.inverse(d[key])
        return d


def _volume(image: MetaTensor) -> Volume:
    values = np.maximum(np.asarray(image[0].detach().cpu(), np.float32), 0)
    return Volume(values, np.asarray(image.affine, dtype=float))


RegisterSessionD = RegisterSessionDict = RegisterSessiond
