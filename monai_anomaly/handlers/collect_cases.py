# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..metrics import AnomalyCases
from .collect_slices import CollectSlices, plain_scalar

__all__ = ["CollectCases"]


class CollectCases(CollectSlices[AnomalyCases]):
    """Keep every slice that an evaluator translates, for :py:func:`report_evaluation`.

    The prediction has the fields ``map`` (1, H, W) and, where there is one, ``reconstruction`` (C, H, W); or ``logits``
    (K,), of a method that only classifies. All fields but the image and the prediction may be missing. More in
    `CollectSlices`.

    Args:
        image_key: key of the image, (C, H, W).
        pred_key: key of the prediction in ``engine.state.output``.
        mask_key: key of the true lesion mask.
        twin_key: key of the healthy twin.
        label_key: key of the image label.
        probability_key: key of a classifier's probability of disease.
        subject_key: key of the subject's name.
        slice_key: key of the slice index.
        dtype: how images are kept, ``"float32"`` or ``"float16"``.
    """

    def __init__(
        self,
        image_key: str = "image",
        pred_key: str = "pred",
        mask_key: str = "mask",
        twin_key: str = "twin",
        label_key: str = "label",
        probability_key: str = "probability",
        subject_key: str = "subject",
        slice_key: str = "slice",
        dtype: str = "float32",
    ) -> None:
        super().__init__(pred_key, dtype)
        self.image_key = image_key
        self.arrays = {"mask": mask_key, "twin": twin_key}
        self.scalars = {"label": label_key, "score": probability_key, "subject": subject_key, "slice": slice_key}

    def new_cases(self) -> AnomalyCases:
        """No slices."""
        return AnomalyCases(self.dtype)

    def collect(self, sample: Mapping[str, Any]) -> None:
        """Add one slice."""
        pred = sample[self.pred_key]
        self.cases.append(
            image=sample[self.image_key],
            map=pred.get("map"),
            healthy=pred.get("reconstruction"),
            **{name: sample[key] for name, key in self.arrays.items() if sample.get(key) is not None},
            **{name: plain_scalar(sample[key]) for name, key in self.scalars.items() if sample.get(key) is not None},
        )
