# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from ..metrics import otsu_threshold
from ..utils import DataError
from .check_image import file_of
from .chosen_threshold import chosen_threshold

__all__ = ["ThresholdMapD", "ThresholdMapDict", "ThresholdMapd"]


class ThresholdMapd(MapTransform):
    """Turn an anomaly map into a mask and note on the sample which threshold was used and where it came from.

    Args:
        keys: the map.
        output_key: where the mask goes, uint8, the map's geometry.
        threshold: a number; ``"otsu"``, of each image by itself; or ``"auto"``: that of ``threshold_file`` if one is
            named, else Otsu's.
        threshold_file: see `chosen_threshold`.
        model_file: the weights that make the maps, see `chosen_threshold`.
        note_key: where the threshold and its origin go.
        site_key: entry with the scanner or hospital, of which the file may have its own threshold.
        settings: of the inference, see `chosen_threshold`.

    Raises:
        ValueError: when the threshold is an unknown word or not finite.
        DataError: in use, when a map is not finite, or the file not as it should be.

    Example::

        sample = ThresholdMapd("map", threshold=0.4)({"map": MetaTensor(torch.rand(1, 8, 8))})
        assert torch.equal(sample["mask"] > 0, sample["map"] > 0.4)
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        keys: KeysCollection,
        output_key: str = "mask",
        threshold: float | str = "auto",
        threshold_file: str | os.PathLike | None = None,
        model_file: str | os.PathLike | None = None,
        note_key: str = "threshold",
        site_key: str = "site",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(keys)
        if isinstance(threshold, str) and threshold not in ("auto", "otsu"):
            raise ValueError(f"threshold must be a number, 'auto' or 'otsu', got {threshold!r}")
        if not (isinstance(threshold, str) or math.isfinite(threshold)):
            raise ValueError(f"threshold must be finite, got {threshold}")
        self.output_key = output_key
        self.threshold = threshold
        self.threshold_file = None if threshold_file is None else Path(threshold_file).expanduser()
        self.model_file = None if model_file is None else Path(model_file)
        self.note_key = note_key
        self.site_key = site_key
        self.settings = settings

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, Any]:
        """Add the mask and the note."""
        sample: dict[Hashable, Any] = dict(data)
        for key in self.key_iterator(sample):
            bad = int((~torch.as_tensor(sample[key]).isfinite()).sum())
            if bad:  # a comparison would call them healthy
                raise DataError(
                    f"{file_of(sample[key])}: expected an anomaly map of finite values, found {bad} that are NaN or "
                    "infinite"
                )
            note = self._threshold(sample[key], sample.get(self.site_key))
            sample[self.output_key] = (sample[key] > note["value"]).to(torch.uint8)
            sample[self.note_key] = note
        return sample

    def _threshold(self, anomaly_map: torch.Tensor, site: Any) -> dict[str, Any]:
        if not isinstance(self.threshold, str):
            return {"value": float(self.threshold), "origin": "given"}
        note = None
        if self.threshold == "auto":
            note = chosen_threshold(self.threshold_file, self.model_file, site, self.settings)
        if note is not None:
            if "rule" in note:
                raise DataError(
                    f"{self.threshold_file}: expected a threshold of anomaly maps, found the rule {note['rule']!r}, "
                    "which is for probabilities"
                )
            return note
        return {"value": float(otsu_threshold(torch.as_tensor(anomaly_map))), "origin": "per_image_otsu"}


ThresholdMapD = ThresholdMapDict = ThresholdMapd
