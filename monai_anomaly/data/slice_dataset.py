# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.utils import ensure_tuple, look_up_option
from torch.utils.data import Dataset
from tqdm import tqdm

from ..utils import DataError, finite_number, listed, summarize_scaling
from .array_cache import cached_array, sample_key
from .fingerprint import describe_transform, fingerprint
from .mask_check import check_masks
from .sample_origin import origin_of, subject_of
from .transform_sample import transform_sample
from .volume_slices import COUNTERFACTUAL, IMAGE_KEYS, REFERENCES, VolumeSlices, cut_volume, volume_label

__all__ = ["SliceDataset"]

CACHE_FORMAT = 2
TEXTS = ("site", "edit", "pair")
ENTRIES = (*IMAGE_KEYS, *TEXTS, "label", "slice", "subject")


class SliceDataset(Dataset):
    """Labeled 2D slices of volumes, for methods that learn from slices with image-level labels.

    An item holds ``image`` (C, H, W) float32, ``label`` (int), ``subject`` (str), ``slice`` (int, the index in the
    volume), the numbers of the sample that ``scalars`` names, each (1,) float32, and, where every volume has them,
    ``mask`` (1, H, W; float32, the values of the file), ``twin`` (C, H, W), ``target`` (C, H, W; what a translation
    should come to), ``target_mask`` (1, H, W), ``site``, ``edit`` and ``pair`` (str; what the target changes, and the
    name of this pair of images among those of the subject).

    The label of a slice is 1 when its mask has any lesion pixel; without a mask it is the volume's, so every slice of a
    diseased volume counts as diseased. A healthy volume (label 0) without mask or twin, among others that have them,
    gets an empty mask and itself as twin. Volumes whose label and mask disagree bring a warning. Beside a mask, a label
    that is no class (a diagnosis, -1) counts as none.

    Images that were scaled to suspicious intensities (see `ScaleIntensityByBrain`) are counted in one warning.

    2D samples are one slice each, whose index is the sample's ``slice`` or 0; ``slice_range`` does not apply to them.

    Args:
        data: samples: dictionaries of what ``transform`` reads.
        transform: deterministic, for a whole volume: load, orient, scale. It returns ``image`` (C, X, Y, Z) or
            (C, H, W), and optionally ``mask``, ``twin``, ``target`` and ``target_mask``. ``None``: the samples
            already hold tensors.
        slice_range: first and one past the last slice; ``None``: all. Wolleb (thesis 2022, ch. 5 and 7): (80, 129)
            of the 155 slices of BraTS.
        slice_step: take every n-th slice of the range.
        axis: spatial axis the slices are stacked on.
        min_foreground: drop slices where fewer than this share of pixels is brain.
        background: pixels above this value, in any channel, are brain.
        min_lesion_pixels: drop slices with fewer lesion pixels, but not none: they are neither healthy nor clearly
            diseased. Of pairs also those with fewer in ``mask`` and ``target_mask`` together: nothing changes there.
        lesion_free: keep the slices without a lesion of volumes that have one elsewhere; False: healthy slices are of
            healthy people alone.
        scalars: numbers of a sample that its items carry, e.g. ``["age"]``.
        requires: entries that every item must have, e.g. ``["mask"]``.
        slice_transform: applied to an item at every access; may be random.
        cache_dir: keep the slices in this folder, one memory-mapped file per volume, instead of in memory. A file is
            made anew when an input file, the transform or an argument changes; the old one stays, so empty the folder
            when it grows too large.
        on_error: what a volume that raises a ``DataError`` does: ``"raise"`` stops, ``"skip"`` adds it to ``left_out``.
        progress: show a progress bar.

    Attributes:
        left_out: the skipped volumes, as ``{"case": ..., "reason": ...}``.

    Raises:
        DataError: a volume cannot be used or lacks a number (with ``on_error="raise"``), no slice is left at all, an
            entry that is required is not there, or a scalar has the name of another entry.

    Example::

        volume = {"image": torch.rand(4, 8, 8, 20), "mask": torch.zeros(1, 8, 8, 20), "subject": "a"}
        dataset = SliceDataset([volume], ScaleIntensityByBraind("image"), slice_range=(5, 15))
        assert len(dataset) == 10 and dataset[0]["image"].shape == (4, 8, 8)
    """

    unit = "slice"
    """What an item is, for messages."""

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Callable | None = None,
        *,
        slice_range: tuple[int, int] | None = None,
        slice_step: int = 1,
        axis: int = 2,
        min_foreground: float = 0.0,
        background: float = 0.0,
        min_lesion_pixels: int = 1,
        lesion_free: bool = True,
        scalars: Sequence[str] = (),
        requires: Sequence[str] = (),
        slice_transform: Callable | None = None,
        cache_dir: str | os.PathLike | None = None,
        on_error: str = "raise",
        progress: bool = True,
    ) -> None:
        self.transform = transform
        self.slice_range = slice_range
        self.slice_step = slice_step
        self.axis = axis
        self.min_foreground = min_foreground
        self.background = background
        self.min_lesion_pixels = min_lesion_pixels
        self.lesion_free = lesion_free
        self.scalars = ensure_tuple(scalars)
        if taken := [name for name in self.scalars if name in ENTRIES]:
            raise DataError(f"scalars: expected names of numbers, found {', '.join(taken)}, which every item has")
        self.slice_transform = slice_transform
        self.cache_dir = None if cache_dir is None else Path(cache_dir).expanduser()
        look_up_option(on_error, ("raise", "skip"))
        self._cut = functools.partial(
            cut_volume,
            transform=transform,
            slice_range=slice_range,
            slice_step=slice_step,
            axis=axis,
            min_foreground=min_foreground,
            background=background,
            min_lesion_pixels=min_lesion_pixels,
        )
        self._settings = [CACHE_FORMAT, slice_range, slice_step, axis, min_foreground, background, min_lesion_pixels]
        self._description = describe_transform(transform)

        self.left_out: list[dict[str, str]] = []
        self._volumes: list[VolumeSlices] = []
        for number, sample in enumerate(tqdm(data, desc="Slicing volumes", unit="volume", disable=not progress)):
            try:
                self._volumes.append(self._volume(sample, number))
            except DataError as error:
                if on_error == "raise":
                    raise
                self.left_out.append({"case": subject_of(sample, number), "reason": str(error)})
        self._index = [
            (v, s)
            for v, volume in enumerate(self._volumes)
            for s, label in enumerate(volume.labels)
            if label or lesion_free or not volume.lesion
        ]
        if not self._index:
            reasons = "; ".join(entry["reason"] for entry in self.left_out[:3]) or f"range {slice_range}"
            raise DataError(f"expected at least one slice, found none in {len(data)} volume(s) ({reasons})")
        self._keys = self._common_keys()
        self._check_required(ensure_tuple(requires))
        check_masks([(v.tags["subject"], v.tags["label"], v.lesion) for v in self._volumes])
        summarize_scaling([volume.scaling for volume in self._volumes])

    @property
    def labels(self) -> list[int]:
        """Label of every slice, for samplers."""
        return [self._volumes[v].labels[s] for v, s in self._index]

    @property
    def sites(self) -> list[str]:
        """Site of every slice, for samplers.

        Raises:
            DataError: when a volume has none.
        """
        if lacking := [str(v.tags["subject"]) for v in self._volumes if "site" not in v.tags]:
            raise DataError(f"expected a site of every image, found none of {listed(lacking)}")
        return [self._volumes[v].tags["site"] for v, _ in self._index]

    @property
    def summary(self) -> dict[str, Any]:
        """Which data these are: ``samples``, ``subjects``, how many have a mask (``with_mask``), a lesion in it
        (``with_lesion``), or an empty one in spite of a label that is not 0 (``overruled``). The ``fingerprint`` is of
        their subjects, labels and files; it stays when the files are moved."""
        tags = [volume.tags for volume in self._volumes]
        return {
            "samples": len(tags),
            "subjects": len({tag["subject"] for tag in tags}),
            "with_mask": sum(volume.lesion is not None for volume in self._volumes),
            "with_lesion": sum(bool(volume.lesion) for volume in self._volumes),
            "overruled": sum(volume.lesion is False and bool(volume.tags["label"]) for volume in self._volumes),
            "fingerprint": fingerprint([[describe_transform(v.tags), v.content] for v in self._volumes]),
        }

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, index: int) -> Any:
        v, s = self._index[index]
        volume = self._volumes[v]
        item: dict[str, Any] = {key: value for key, value in volume.read(s).items() if key in self._keys}
        if "mask" in self._keys and "mask" not in item:
            item["mask"] = torch.zeros_like(item["image"][:1])
        if "twin" in self._keys and "twin" not in item:
            item["twin"] = item["image"].clone()
        item.update(label=volume.labels[s], slice=volume.indices[s], subject=volume.tags["subject"])
        item.update({key: volume.tags[key] for key in TEXTS if key in self._keys})
        item.update({name: torch.tensor([volume.tags[name]]) for name in self.scalars})
        if self.slice_transform is None:
            return item
        try:
            return transform_sample(self.slice_transform, item)
        except DataError as error:
            raise DataError(f"subject {item['subject']}, slice {item['slice']}: {error}") from error

    def _common_keys(self) -> set[str]:
        """Keys that every item can have, so that items can be collated."""
        keys = {"image"}
        for key in REFERENCES:
            have = [key in v.channels for v in self._volumes]
            if any(have) and all(has or not any(v.labels) for has, v in zip(have, self._volumes, strict=True)):
                keys.add(key)
        keys |= {key for key in COUNTERFACTUAL if all(key in v.channels for v in self._volumes)}
        return keys | {key for key in TEXTS if all(key in v.tags for v in self._volumes)}

    def _check_required(self, keys: Sequence[str]) -> None:
        for key in keys:
            if key not in self._keys:
                lacking = [v for v in self._volumes if key not in v.channels and key not in v.tags]
                diseased = [v for v in lacking if any(v.labels)]  # of healthy ones a mask and a twin are known
                names = listed([str(v.tags["subject"]) for v in diseased or lacking])
                raise DataError(f"expected a {key} of every subject with a disease, found none of {names}")

    def _volume(self, sample: Mapping[str, Any], number: int) -> VolumeSlices:
        tags: dict[str, Any] = {"subject": subject_of(sample, number), "label": volume_label(sample)}
        tags |= {key: sample[key] for key in TEXTS if sample.get(key) is not None}
        tags |= {name: finite_number(sample.get(name), f"{origin_of(sample, number)}: {name}") for name in self.scalars}
        volume = self._cut(sample) if self.cache_dir is None else self._cached(sample, self.cache_dir)
        volume.tags = tags
        return volume

    def _cached(self, sample: Mapping[str, Any], folder: Path) -> VolumeSlices:
        """Take a volume from the cache folder, or put it there."""
        path = folder / f"{sample_key(sample, IMAGE_KEYS, [self._settings, self._description])}.npy"

        def make() -> tuple[np.ndarray, dict[str, Any]]:
            volume = self._cut(sample)
            keys = ("channels", "indices", "labels", "content", "lesion", "scaling")
            return np.asarray(volume.stack), {key: getattr(volume, key) for key in keys}

        return VolumeSlices(stack=path, **cached_array(path, make))
