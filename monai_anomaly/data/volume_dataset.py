# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nibabel.filebasedimages import ImageFileError
from torch.utils.data import Dataset
from tqdm import tqdm

from ..utils import DataError, class_label, describe, listed, scaling_note, summarize_scaling
from .array_cache import cached_array, sample_key
from .fingerprint import content_digest, describe_transform, fingerprint
from .sample_origin import origin_of, subject_of
from .transform_sample import load_sample, transform_sample
from .volume_slices import IMAGE_KEYS

__all__ = ["VolumeDataset"]

CACHE_FORMAT = 1
ONE_SIZE = "bring them to one size with a transform, such as CropForegroundd and ResizeWithPadOrCropd of MONAI"


class VolumeDataset(Dataset):
    """Labeled whole images of one size, for a classifier: volumes, or 2D images.

    An item holds ``image`` (C, X, Y, Z) or (C, H, W) float32, ``label`` (int), ``subject`` (str) and, where every
    sample has one, ``site`` (str). What ``transform`` makes of the files is kept; ``augmentation`` runs at every
    access.

    Images that were scaled to suspicious intensities (see `ScaleIntensityByBrain`) are counted in one warning.

    Args:
        data: samples: dictionaries of what ``transform`` reads, with ``label``.
        transform: deterministic: load, orient, crop, scale. It returns ``image``. ``None``: the samples already hold
            tensors.
        augmentation: applied to an item at every access; may be random.
        cache_dir: keep the images in this folder, one memory-mapped file each, instead of in memory. A file is made
            anew when an input file, the transform or an entry of the sample changes; the old one stays.
        progress: show a progress bar.

    Raises:
        DataError: there is no sample, an image cannot be read, has another size than the first or no class.

    Example::

        data = [{"image": torch.rand(1, 8, 9, 8), "label": i % 2, "site": "AB"[i]} for i in range(2)]
        dataset = VolumeDataset(data, ScaleIntensityByBraind("image"))
        assert dataset.labels == [0, 1] and dataset.sites == ["A", "B"]
    """

    unit = "image"
    """What an item is, for messages."""

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Callable | None = None,
        *,
        augmentation: Callable | None = None,
        cache_dir: str | os.PathLike | None = None,
        progress: bool = True,
    ) -> None:
        self.transform = transform
        self.augmentation = augmentation
        self.cache_dir = None if cache_dir is None else Path(cache_dir).expanduser()
        self._description = describe_transform(transform)
        self._images: list[_Image] = []
        for number, sample in enumerate(tqdm(data, desc="Loading volumes", unit="volume", disable=not progress)):
            self._images.append(self._image(sample, number))
            first, last = self._images[0], self._images[-1]
            if first.shape != last.shape:
                raise DataError(
                    f"expected images of one size, found {first.shape} of {first.origin} and {last.shape} of "
                    f"{last.origin} (channels first): {ONE_SIZE}"
                )
        if not self._images:
            raise DataError("expected at least one image, found none")
        self._with_site = all(image.site is not None for image in self._images)
        summarize_scaling([image.scaling for image in self._images])

    @property
    def labels(self) -> list[int]:
        """Class of every image, for samplers."""
        return [image.label for image in self._images]

    @property
    def sites(self) -> list[str]:
        """Site of every image, for samplers.

        Raises:
            DataError: when an image has none.
        """
        if without := [image.origin for image in self._images if image.site is None]:
            raise DataError(f"expected a 'site' of every image, found none of {listed(without)}")
        return [str(image.site) for image in self._images]

    @property
    def summary(self) -> dict[str, Any]:
        """Which data these are: ``samples``, ``subjects``, how many images each class and each site has (``labels``,
        ``sites``). The ``fingerprint`` is of their subjects, classes, sites and files; it stays when the files are
        moved."""
        tags = [[image.subject, image.label, image.site, image.content] for image in self._images]
        sites = Counter(image.site for image in self._images if image.site is not None)
        return {
            "samples": len(tags),
            "subjects": len({image.subject for image in self._images}),
            "labels": {str(label): count for label, count in sorted(Counter(self.labels).items())},
            "sites": dict(sorted(sites.items())),
            "fingerprint": fingerprint(tags),
        }

    def without_augmentation(self) -> VolumeDataset:
        """The same images, held once, as they are before the augmentation."""
        plain = copy(self)
        plain.augmentation = None
        return plain

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Any:
        image = self._images[index]
        item: dict[str, Any] = {"image": image.read(), "label": image.label, "subject": image.subject}
        if self._with_site:
            item["site"] = image.site
        if self.augmentation is None:
            return item
        try:
            return transform_sample(self.augmentation, item)
        except DataError as error:
            raise DataError(f"{image.origin}: {error}") from error

    def _image(self, sample: Mapping[str, Any], number: int) -> _Image:
        origin = origin_of(sample, number)
        tags: dict[str, Any] = {
            "label": class_label(sample.get("label"), f"{origin}: label"),
            "subject": subject_of(sample, number),
            "site": None if sample.get("site") in (None, "") else str(sample["site"]),
            "origin": origin,
        }

        def make() -> tuple[np.ndarray, dict[str, Any]]:
            values, scaling = self._load(sample, origin)
            known = {"shape": values.shape, "content": content_digest(sample.get("image")), "scaling": scaling}
            return values, known

        if self.cache_dir is None:
            values, known = make()
            return _Image(values=values, **known, **tags)
        path = self.cache_dir / f"{sample_key(sample, IMAGE_KEYS, [CACHE_FORMAT, self._description])}.npy"
        known = cached_array(path, make)
        return _Image(values=path, **{**known, "shape": tuple(known["shape"])}, **tags)

    def _load(self, sample: Mapping[str, Any], origin: str) -> tuple[np.ndarray, tuple[str, float]]:
        try:
            image = load_sample(self.transform, sample)["image"]
        except (RuntimeError, OSError, ImageFileError) as error:  # of MONAI's own readers
            raise DataError(f"{origin}: expected an image that can be read, found {describe(error)}") from error
        values = np.asarray(torch.as_tensor(image).detach().cpu(), dtype=np.float32)
        if values.ndim not in (3, 4):
            raise DataError(f"{origin}: expected an image (C, X, Y, Z) or (C, H, W), found shape {values.shape}")
        return np.ascontiguousarray(values), scaling_note(image)


@dataclass
class _Image:
    values: np.ndarray | Path  # (C, ...) float32, or the file that holds it
    shape: tuple[int, ...]
    content: Any  # digest of the input files
    scaling: tuple[str, float]
    label: int
    subject: str
    site: str | None
    origin: str  # for messages

    def read(self) -> torch.Tensor:
        """A copy, which an augmentation may change."""
        # opened at each access: no open files to hand to the workers of a DataLoader
        values = np.load(self.values, mmap_mode="r") if isinstance(self.values, Path) else self.values
        return torch.from_numpy(np.array(values))
