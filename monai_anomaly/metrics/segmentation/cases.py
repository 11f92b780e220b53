# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from typing import Any

import numpy as np

from ...utils import DataError
from ..case_file import read_case_file, unpack_masks, write_case_file
from ..slice_cases import SliceCases, as_array

__all__ = ["SegmentationCases"]

TOLERANCE = 1e-3
"""By how much a probability may leave [0, 1], for rounding in half precision."""


class SegmentationCases(SliceCases):
    """The slices of one set with the masks that a method predicts, ready to be scored.

    A field of all slices, ``cases["mean"]``, is one stacked array: ``image`` (N, C, H, W); ``mean`` and ``variance``
    (N, K, H, W) float32, ``mask`` (N, K, H, W) bool, of K regions; ``samples`` (N, n, K, H, W), bool where they are
    masks; ``subject`` and ``slice`` (N,) str. A variance that is not given is that of the samples (unbiased), or 0.

    Args:
        dtype: how images are kept; float16 halves the memory of large sets.
    """

    def append(
        self,
        image: Any,
        mean: Any,
        mask: Any,
        samples: Any = None,
        variance: Any = None,
        subject: str = "",
        slice: str | int = "",
    ) -> None:
        """Add one slice.

        Args:
            image: (C, H, W), array or tensor.
            mean: probability of every region, (K, H, W), [0, 1]; the mean of the samples of an ensemble.
            mask: true regions, (K, H, W), nonzero is lesion.
            samples: the members of the ensemble, (n, K, H, W), masks in {0, 1} or probabilities.
            variance: over the samples, (K, H, W).
            subject: whose slice it is.
            slice: which of the subject's slices.

        Raises:
            DataError: when a shape disagrees with the image, the mask or the slices before, a value is not finite, or a
                prediction is no probability.
        """
        fields = {"image": image, "mean": mean, "mask": mask, "samples": samples, "variance": variance}
        row: dict[str, Any] = {k: as_array(v) for k, v in fields.items()}
        name, regions = self._name(subject, slice), np.shape(row["mask"])[:1]
        if absent := [key for key in ("image", "mean", "mask") if row[key] is None]:
            raise DataError(f"{name}: expected an image, a mean and a mask, found no {' and no '.join(absent)}.")
        if self._rows and regions != self._rows[0]["mask"].shape[:1]:
            raise DataError(f"{name}: expected a mask of {len(self._rows[0]['mask'])} regions, found {regions[0]}.")
        self._check_shapes(name, row, {"mask": regions, "mean": regions, "variance": regions})
        if row["samples"] is not None:
            self._check_shapes(name, row, {"samples": (len(row["samples"]), *regions)})
        count = _size(row["samples"])
        if self._rows and count != _size(self._rows[0]["samples"]):
            raise DataError(f"{name}: expected {_size(self._rows[0]['samples'])} samples, found {count}.")
        self._check_finite(name, row, fields)
        for key, top in (("mean", 1.0), ("samples", 1.0), ("variance", np.inf)):
            _check_range(name, key, row[key], top)
        if count:
            row["samples"] = row["samples"] > 0 if _is_mask(row["samples"]) else _own(row["samples"])
        if row["variance"] is None:
            row["variance"] = row["samples"].var(0, ddof=1) if count > 1 else np.zeros(row["mask"].shape)
        row["image"], row["mask"] = row["image"].astype(self.dtype), row["mask"] > 0
        row["mean"], row["variance"] = _own(np.clip(row["mean"], 0, 1)), _own(row["variance"])
        self._add(row, subject, slice)

    @property
    def num_regions(self) -> int:
        """K."""
        return len(self._rows[0]["mask"]) if self._rows else 0

    @property
    def num_samples(self) -> int:
        """n; 0 where none were kept."""
        return _size(self._rows[0]["samples"]) if self._rows else 0

    @property
    def lesion_pixels(self) -> np.ndarray:
        """(N, K) number of lesion pixels of every region."""
        return self["mask"].sum((2, 3))

    def save(self, path: str | os.PathLike, channel: int | None = None) -> None:
        """Write a compressed file to draw pictures from later; mean, variance and image are rounded to float16.

        Scores are not taken from it: a mean just above 0.5 may round to 0.5. Samples take a bit a pixel; those that are
        probabilities are left out, they would be most of the file.

        Args:
            path: ``.npz`` to write.
            channel: the only image channel to keep; None keeps all.
        """
        image = self["image"] if channel is None else self["image"][:, channel, None]
        fields = {"image": np.float16(image), "mask": np.packbits(self["mask"])}
        fields |= {k: np.float16(self[k]) for k in ("mean", "variance")}
        fields |= {k: self[k] for k in ("subject", "slice")}
        if self.num_samples and self["samples"].dtype == bool:
            fields |= {"samples": np.packbits(self["samples"]), "num_samples": np.int64(self.num_samples)}
        write_case_file(path, fields)

    @classmethod
    def load(cls, path: str | os.PathLike) -> SegmentationCases:
        """Read what :py:meth:`save` wrote.

        Raises:
            DataError: when the file is missing, is damaged, or holds something else.
        """
        names = ("image", "mean", "mask", "variance", "subject", "slice")
        fields = read_case_file(path, names, "saved segmentations")
        shape = fields["mean"].shape
        fields["mask"] = unpack_masks(fields["mask"], shape)
        samples: Any = [None] * shape[0]
        if "samples" in fields:
            samples = unpack_masks(fields["samples"], (shape[0], int(fields["num_samples"]), *shape[1:]))
        cases = cls("float16")
        for i in range(shape[0]):
            cases.append(samples=samples[i], **{k: fields[k][i] for k in names})
        return cases


def _own(values: np.ndarray) -> np.ndarray:
    """A copy as float32: a view would keep the whole batch in memory."""
    return np.array(values, np.float32)


def _size(samples: np.ndarray | None) -> int:
    return 0 if samples is None else len(samples)


def _is_mask(samples: np.ndarray) -> bool:
    return bool(((samples == 0) | (samples == 1)).all())


def _check_range(name: str, key: str, values: np.ndarray | None, top: float) -> None:
    if values is None or (values.min() >= -TOLERANCE and values.max() <= top + TOLERANCE):
        return
    raise DataError(f"{name}: expected {key} in [0, {top:g}], found {values.min():g} to {values.max():g}.")
