# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from ..metrics.segmentation import EXPECTED_DICE, ExpectedDiceThreshold, above
from ..utils.native_image import array_axis
from .chosen_threshold import chosen_threshold
from .mask_encoding import MaskEncoding, like

__all__ = ["DecodeMaskD", "DecodeMaskDict", "DecodeMaskd"]


class DecodeMaskd(MapTransform):
    """Turn the probabilities of regions into a label map, and note on the sample which threshold was used.

    Args:
        keys: probabilities (K, ...).
        encoding: see `MaskEncoding`.
        output_key: where the label map (1, ...), uint8, goes.
        threshold: above it a region is there; ``"expected_dice"``: each region of each slice has its own, see
            `ExpectedDiceThreshold`; ``"auto"``: what ``threshold_file`` says, if there is one, else
            ``"expected_dice"``.
        threshold_file: see `chosen_threshold`.
        model_file: see `chosen_threshold`.
        note_key: where the threshold goes: ``value`` and ``origin``, and ``rule`` where it is `ExpectedDiceThreshold`,
            whose ``presence`` is the value.
        samples_key: samples (n K, ...), sample by sample, that become masks, each by its own probabilities; None: they
            are left as they are.
        slice_code: where the slices of a volume are stacked, for the thresholds of slices; see `array_axis`.
        site_key: see `ThresholdMapd`.
        settings: see `ThresholdMapd`.

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
        samples_key: str | None = None,
        slice_code: str = "S",
        site_key: str = "site",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(keys)
        if isinstance(threshold, str) and threshold not in ("auto", EXPECTED_DICE):
            raise ValueError(f"threshold must be a number, 'auto' or '{EXPECTED_DICE}', got {threshold!r}")
        if not (isinstance(threshold, str) or 0 <= threshold < 1):
            raise ValueError(f"threshold must be in [0, 1), got {threshold}")
        self.encoding = encoding
        self.output_key = output_key
        self.threshold = threshold
        self.threshold_file = None if threshold_file is None else Path(threshold_file).expanduser()
        self.model_file = None if model_file is None else Path(model_file)
        self.note_key = note_key
        self.samples_key = samples_key
        self.slice_code = slice_code
        self.site_key = site_key
        self.settings = settings

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the label map and the note."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            note, source = self._threshold(sample.get(self.site_key)), sample[key]
            axis = array_axis(source, self.slice_code) if source.ndim == 4 else None
            probability = torch.as_tensor(source).as_subclass(torch.Tensor)
            masks = _masks(self.encoding.thresholded(probability), note, axis)
            sample[self.output_key] = like(self.encoding.paint(masks, probability), source)
            sample[self.note_key] = note
            if self.samples_key is not None:
                drawn = sample[self.samples_key]
                masks = _masks(torch.as_tensor(drawn).as_subclass(torch.Tensor), note, axis)
                sample[self.samples_key] = like(masks.to(torch.uint8), drawn)
        return sample

    def _threshold(self, site: Any) -> dict[str, Any]:
        rule = {"value": ExpectedDiceThreshold.presence, "rule": EXPECTED_DICE}
        if self.threshold == "auto":
            chosen = chosen_threshold(self.threshold_file, self.model_file, site, self.settings)
            return chosen or {**rule, "origin": "default"}
        if self.threshold == EXPECTED_DICE:
            return {**rule, "origin": "given"}
        return {"value": float(self.threshold), "origin": "given"}


def _masks(maps: torch.Tensor, note: Mapping[str, Any], axis: int | None) -> torch.Tensor:
    """Maps (M, ...) above what the note says, a rule slice by slice along an axis of a volume."""
    if "rule" not in note:
        return maps > note["value"]
    array, rule = maps.detach().float().cpu().numpy(), ExpectedDiceThreshold(note["value"])
    if axis is None:
        masks = above(array, rule)
    else:
        stacks = np.moveaxis(array, axis + 1, 1)  # (M, slices, ...)
        slices = stacks.reshape(-1, *stacks.shape[2:])
        masks = np.moveaxis(above(slices, rule).reshape(stacks.shape), 1, axis + 1)
    return torch.from_numpy(np.ascontiguousarray(masks)).to(maps.device)


DecodeMaskD = DecodeMaskDict = DecodeMaskd
