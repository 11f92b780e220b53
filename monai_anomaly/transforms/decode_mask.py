# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from ..metrics.segmentation.expected_dice import EXPECTED_DICE, ExpectedDiceThreshold
from .chosen_threshold import chosen_threshold
from .mask_encoding import MaskEncoding, like

__all__ = ["DecodeMaskD", "DecodeMaskDict", "DecodeMaskd"]

HALF = {"value": 0.5, "origin": "default"}


class DecodeMaskd(MapTransform):
    """Turn the probabilities of regions into a label map, and note on the sample which threshold was used.

    Args:
        keys: probabilities (K, ...).
        encoding: see `MaskEncoding`.
        output_key: where the label map (1, ...), uint8, goes.
        threshold: above it a region is there; ``"auto"``: that of ``threshold_file`` if there is one, else 0.5;
            ``"expected_dice"``: of every region its own, see `ExpectedDiceThreshold`, which the file may also say.
        threshold_file: see `chosen_threshold`.
        model_file: see `chosen_threshold`.
        note_key: where the threshold and its origin go: ``value`` and ``origin``, or of `ExpectedDiceThreshold`
            ``rule``, its ``presence`` as ``value``, and ``values``, the threshold of each map.

    Raises:
        ValueError: when the threshold is another word, or not in [0, 1).
        DataError: in use, when the file is not as it should be.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        keys: KeysCollection,
        encoding: MaskEncoding,
        output_key: str = "mask",
        threshold: float | str = 0.5,
        threshold_file: str | os.PathLike | None = None,
        model_file: str | os.PathLike | None = None,
        note_key: str = "threshold",
    ) -> None:
        super().__init__(keys)
        if isinstance(threshold, str) and threshold not in ("auto", EXPECTED_DICE):
            raise ValueError(f"threshold must be a number, 'auto' or '{EXPECTED_DICE}', got {threshold!r}")
        if not (isinstance(threshold, str) or 0 <= threshold < 1):
            raise ValueError(f"threshold must be in [0, 1), got {threshold}")
        self.encoding = encoding
        self.output_key = output_key
        self.threshold = threshold
        self.threshold_file = None if threshold_file is None else Path(threshold_file)
        self.model_file = None if model_file is None else Path(model_file)
        self.note_key = note_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the label map and the note."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            note = self._threshold()
            plain = torch.as_tensor(sample[key]).as_subclass(torch.Tensor)
            if note.get("rule") == EXPECTED_DICE:
                maps = self.encoding.thresholded(plain).float().cpu().numpy()
                note["values"] = ExpectedDiceThreshold(note["value"])(maps).tolist()
            decoded = self.encoding.decode(plain, note.get("values", note["value"]))
            sample[self.output_key] = like(decoded, sample[key])
            sample[self.note_key] = note
        return sample

    def _threshold(self) -> dict[str, Any]:
        if self.threshold == EXPECTED_DICE:
            return {"value": ExpectedDiceThreshold.presence, "origin": "given", "rule": EXPECTED_DICE}
        if not isinstance(self.threshold, str):
            return {"value": float(self.threshold), "origin": "given"}
        return chosen_threshold(self.threshold_file, self.model_file) or dict(HALF)


DecodeMaskD = DecodeMaskDict = DecodeMaskd
