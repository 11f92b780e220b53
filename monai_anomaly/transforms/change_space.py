# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform
from monai.utils import TransformBackends

__all__ = ["ChangeSpace"]


class ChangeSpace(InvertibleTransform):
    """Say that an image lies in another space: its affine changes, its voxels do not.

    A registration ends with this; voxels are interpolated once, when the image is put on its last grid. The inverse
    starts from the affine the data has then, so a map on any grid of the new space goes back to the old one.
    """

    backend = [TransformBackends.TORCH]

    def __call__(self, img: MetaTensor, matrix: np.ndarray) -> MetaTensor:  # type: ignore[override]
        """The image with the affine ``inv(matrix) @ affine``.

        Args:
            img: (C, X, Y, Z).
            matrix: (4, 4), points of the new space to points of the old one, in mm, RAS.
        """
        out: MetaTensor = img.clone()
        out.affine = torch.from_numpy(np.linalg.inv(matrix) @ np.asarray(img.affine, dtype=np.float64))
        return self.push_transform(out, extra_info={"matrix": np.asarray(matrix, dtype=np.float64).tolist()})

    def inverse(self, img: MetaTensor) -> MetaTensor:
        """The image in the old space."""
        matrix = np.array(self.pop_transform(img)["extra_info"]["matrix"])
        out: MetaTensor = img.clone()
        out.affine = torch.from_numpy(matrix @ np.asarray(img.affine, dtype=np.float64))
        return out
