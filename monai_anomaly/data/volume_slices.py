# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading a volume and cutting it into labeled slices, for `SliceDataset`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..utils import DataError, class_label, scaling_note
from .fingerprint import content_digest
from .transform_sample import load_sample

__all__ = ["COUNTERFACTUAL", "IMAGE_KEYS", "REFERENCES", "VolumeSlices", "cut_volume", "volume_label"]

REFERENCES = ("mask", "twin")
COUNTERFACTUAL = ("target", "target_mask")
IMAGE_KEYS = ("image", *REFERENCES, *COUNTERFACTUAL)


@dataclass
class VolumeSlices:
    """The slices of one volume; its images (`IMAGE_KEYS`) side by side on the channel axis."""

    stack: np.ndarray | Path  # (slices, channels, H, W) float32, or the file that holds it
    channels: dict[str, int]  # number of channels of each image key, in the order of the stack
    indices: list[int]
    labels: list[int]
    content: Any  # digest of the input files
    lesion: bool | None  # whether there is any in the mask, in whatever slice; None: no mask
    scaling: tuple[str, float] = ("", 0.0)  # see scaling_note
    tags: dict[str, Any] = field(default_factory=dict)

    def read(self, position: int) -> dict[str, torch.Tensor]:
        """The images of the slice at a position of the stack, by key."""
        # opened at each access: no open files to hand to the workers of a DataLoader
        stack = np.load(self.stack, mmap_mode="r") if isinstance(self.stack, Path) else self.stack
        values = torch.from_numpy(np.array(stack[position]))
        return dict(zip(self.channels, values.split(list(self.channels.values())), strict=True))


def cut_volume(
    sample: Mapping[str, Any],
    *,
    transform: Callable | None,
    slice_range: tuple[int, int] | None,
    slice_step: int,
    axis: int,
    min_foreground: float,
    background: float,
    min_lesion_pixels: int,
) -> VolumeSlices:
    """Read a volume and keep the slices asked for; for the arguments see `SliceDataset`.

    Raises:
        DataError: the volume cannot be read, has other slices than asked for, or neither mask nor label.
    """
    loaded = load_sample(transform, sample)
    slices = {k: _to_slices(loaded[k], axis) for k in IMAGE_KEYS if loaded.get(k) is not None}
    _check_shapes(slices, sample)
    lesion = bool((slices["mask"] > 0).any()) if "mask" in slices else None
    flat, depth = loaded["image"].ndim == 3, len(slices["image"])
    start, stop = (0, depth) if flat else slice_range or (0, depth)
    if not 0 <= start < stop <= depth:
        raise DataError(f"{_name(sample)}: expected slices {start} to {stop}, found {depth} on axis {axis}")
    chosen = np.arange(start, stop, 1 if flat else slice_step)
    slices = {k: v[chosen] for k, v in slices.items()}

    keep = (slices["image"] > background).any(axis=1).mean(axis=(1, 2)) >= min_foreground
    if "mask" in slices:
        pixels = (slices["mask"] > 0).any(axis=1).sum(axis=(1, 2))
        keep &= (pixels == 0) | (pixels >= min_lesion_pixels)
        labels = (pixels > 0).astype(int)
        if "target_mask" in slices:
            changed = pixels + (slices["target_mask"] > 0).any(axis=1).sum(axis=(1, 2))
            keep &= changed >= min_lesion_pixels
    elif sample.get("label") is not None:
        labels = np.full(len(chosen), class_label(sample["label"], f"{_name(sample)}: label"))
    else:
        raise DataError(f"{_name(sample)}: expected a mask or a label, found neither")
    indices = np.full(1, int(sample.get("slice", 0))) if flat else chosen
    return VolumeSlices(
        stack=np.concatenate(list(slices.values()), axis=1)[keep],
        channels={key: value.shape[1] for key, value in slices.items()},
        indices=indices[keep].tolist(),
        labels=labels[keep].tolist(),
        content=_content(sample),
        lesion=lesion,
        scaling=scaling_note(loaded["image"]),
    )


def volume_label(sample: Mapping[str, Any]) -> int | None:
    """The class of a volume; None when it has none, or when its label is no class and the mask decides.

    Raises:
        DataError: without a mask, the label is no class.
    """
    label = sample.get("label")
    if label is None:
        return None
    try:
        return class_label(label, f"{_name(sample)}: label")
    except DataError:
        if sample.get("mask") is None:
            raise
        return None


def _content(sample: Mapping[str, Any]) -> Any:
    """Digest of the images of a sample; without a counterfactual it is what it was before there were any."""
    extra = [sample[key] for key in COUNTERFACTUAL if sample.get(key) is not None]
    return content_digest([sample.get(key) for key in ("image", *REFERENCES)] + extra)


def _to_slices(image: Any, axis: int) -> np.ndarray:
    """Turn (C, X, Y, Z) or (C, H, W) into (slices, C, H, W) float32."""
    values = np.asarray(torch.as_tensor(image).detach().cpu(), dtype=np.float32)
    if values.ndim == 3:
        return values[None]
    if values.ndim != 4:
        raise DataError(f"expected an image (C, X, Y, Z) or (C, H, W), found shape {values.shape}")
    return np.moveaxis(values, axis + 1, 0)


def _check_shapes(slices: Mapping[str, np.ndarray], sample: Mapping[str, Any]) -> None:
    expected = slices["image"].shape
    for key, value in slices.items():
        if (value.shape[0], *value.shape[2:]) != (expected[0], *expected[2:]):
            raise DataError(
                f"{_name(sample)}: expected the {key} to have the {expected[0]} slices of {expected[2:]} pixels of the "
                f"image, found {value.shape[0]} of {value.shape[2:]}"
            )


def _name(sample: Mapping[str, Any]) -> str:
    image = sample.get("image")
    return str(image) if isinstance(image, (str, list, os.PathLike)) else f"subject {sample.get('subject')}"
