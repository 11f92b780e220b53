# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..metrics import SegmentationCases
from ..metrics.slice_cases import as_array
from ..utils import DataError
from .collect_slices import CollectSlices, plain_scalar

__all__ = ["CollectSegmentations"]


class CollectSegmentations(CollectSlices[SegmentationCases]):
    """Keep every slice that an evaluator segments, for :py:func:`report_segmentation`.

    The prediction has the fields of `SlicewiseSegmentationInferer` for the K regions of the mask. More in
    `CollectSlices`.

    Args:
        image_key: key of the image, (C, H, W).
        pred_key: key of the prediction in ``engine.state.output``.
        mask_key: key of the true, encoded mask, (K, H, W).
        subject_key: key of the subject's name; may be missing.
        slice_key: key of the slice index; may be missing.
        dtype: how images are kept, ``"float32"`` or ``"float16"``.
    """

    def __init__(
        self,
        image_key: str = "image",
        pred_key: str = "pred",
        mask_key: str = "mask",
        subject_key: str = "subject",
        slice_key: str = "slice",
        dtype: str = "float32",
    ) -> None:
        super().__init__(pred_key, dtype)
        self.image_key, self.mask_key = image_key, mask_key
        self.tags = {"subject": subject_key, "slice": slice_key}

    def new_cases(self) -> SegmentationCases:
        """No slices."""
        return SegmentationCases(self.dtype)

    def collect(self, sample: Mapping[str, Any]) -> None:
        """Add one slice.

        Raises:
            DataError: when there is no mask, or the prediction's regions are not those of the mask.
        """
        tags = {name: plain_scalar(sample[key]) for name, key in self.tags.items() if sample.get(key) is not None}
        name = " ".join(map(str, tags.values())) or f"slice {len(self.cases)}"
        mask, pred = as_array(sample.get(self.mask_key)), sample[self.pred_key]
        if mask is None:
            raise DataError(f"{name}: expected a mask {self.mask_key!r}, found {sorted(map(str, sample))}.")
        maps = {"mean": pred["mean"], "samples": pred.get("samples"), "variance": pred["variance"]}
        self.cases.append(image=sample[self.image_key], mask=mask, **maps, **tags)
