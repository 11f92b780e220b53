# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..utils import DataError
from .case_file import read_case_file, unpack_masks, write_case_file
from .slice_cases import SliceCases, as_array

__all__ = ["AnomalyCases"]

ARRAYS = ("image", "map", "healthy", "mask", "twin")
SCALARS = ("label", "score", "subject", "slice")


class AnomalyCases(SliceCases):
    """The slices of one set (validation or test) with what a method made of them, ready to be scored.

    A field of all slices, ``cases["map"]``, is one stacked array: ``image``, ``healthy`` and ``twin`` (N, C, H, W),
    ``map`` (N, 1, H, W) float32, ``mask`` (N, 1, H, W) bool, ``label`` (N,) int, ``score`` (N,) float, ``subject`` and
    ``slice`` (N,) str. An optional field that a slice lacks is False (``mask``), NaN (``map``, ``twin``, ``healthy``,
    ``score``) or -1 (``label``). Either all slices have a map or, of a method that only classifies, none.

    Args:
        dtype: how images are kept; float16 halves the memory of large sets. Maps are always float32.
    """

    def append(
        self,
        image: Any,
        map: Any = None,
        healthy: Any = None,
        mask: Any = None,
        twin: Any = None,
        label: int | None = None,
        score: float | None = None,
        subject: str = "",
        slice: str | int = "",
    ) -> None:
        """Add one slice.

        Args:
            image: (C, H, W), array or tensor.
            map: anomaly map, (1, H, W); higher is more anomalous; None: the method only classifies.
            healthy: healthy reconstruction, like the image.
            mask: true lesion, (1, H, W), nonzero is lesion.
            twin: the true healthy image where there is one (phantom), like the image.
            label: 0 healthy, 1 diseased.
            score: a classifier's score for the whole image.
            subject: whose slice it is.
            slice: which of the subject's slices.

        Raises:
            DataError: when a shape disagrees with the image or with the slices before, a value is not finite, or there
                is a map and the slices before had none, or the reverse.
        """
        row: dict[str, Any] = {k: as_array(v) for k, v in zip(ARRAYS, (image, map, healthy, mask, twin), strict=True)}
        name, channels = self._name(subject, slice), np.shape(row["image"])[:1]
        self._check_shapes(name, row, {"map": (1,), "healthy": channels, "mask": (1,), "twin": channels})
        if self._rows and (row["map"] is not None) != self.has_map:
            expected, found = ("an", "none") if self.has_map else ("no", "one")
            raise DataError(f"{name}: expected {expected} anomaly map, like the slices before, found {found}.")
        row["score"] = None if score is None else np.float64(score)
        self._check_finite(name, row, (*ARRAYS, "score"))
        for key in ("image", "healthy", "twin"):
            row[key] = None if row[key] is None else row[key].astype(self.dtype)
        row["map"] = None if row["map"] is None else row["map"].astype(np.float32)
        row["mask"] = None if row["mask"] is None else row["mask"] > 0
        row["label"] = -1 if label is None else int(label)
        row["score"] = np.nan if score is None else float(score)
        self._add(row, subject, slice)

    def _missing(self) -> dict[str, np.ndarray]:
        image = self._rows[0]["image"]
        nothing = np.full_like(image, np.nan)
        empty = np.full((1, *image.shape[1:]), np.nan, np.float32)
        return {"map": empty, "mask": np.zeros(empty.shape, bool), "healthy": nothing, "twin": nothing}

    @property
    def has_map(self) -> bool:
        """Whether the slices came with anomaly maps; without, only the scores of whole images count."""
        return bool(self._rows) and self._rows[0]["map"] is not None

    @property
    def has_mask(self) -> bool:
        """Whether any slice came with a mask; without, only images can be scored."""
        return any(r["mask"] is not None for r in self._rows)

    @property
    def has_twin(self) -> np.ndarray:
        """(N,) whether the slice came with its healthy twin."""
        return np.array([r["twin"] is not None for r in self._rows], bool)

    @property
    def has_healthy(self) -> bool:
        """Whether every slice came with a reconstruction."""
        return bool(self._rows) and all(r["healthy"] is not None for r in self._rows)

    @property
    def lesion_pixels(self) -> np.ndarray:
        """(N,) number of lesion pixels."""
        return self["mask"].sum((1, 2, 3))

    def diseased(self, min_lesion_pixels: int = 1) -> np.ndarray:
        """(N,) slices that count as diseased: enough lesion pixels, or ``label == 1`` where the set has no masks."""
        return self.lesion_pixels >= max(1, min_lesion_pixels) if self.has_mask else self["label"] == 1

    def healthy_slices(self) -> np.ndarray:
        """(N,) slices that count as healthy: no lesion pixel and not ``label == 1``; without masks, ``label == 0``."""
        return (self.lesion_pixels == 0) & (self["label"] != 1) if self.has_mask else self["label"] == 0

    def save(self, path: str | os.PathLike) -> None:
        """Write a compressed file to draw pictures from later; images and maps are rounded to float16.

        Scores are not taken from it: a value just above a threshold may round to it.

        Args:
            path: ``.npz`` to write.
        """
        fields: dict[str, Any] = {key: self[key] for key in SCALARS} | {"shape": np.array(self["image"].shape[1:])}
        for key in ARRAYS:
            has = np.array([row[key] is not None for row in self._rows], bool)
            values = self[key][has]
            fields |= {key: np.packbits(values) if key == "mask" else np.float16(values), f"has_{key}": has}
        write_case_file(path, fields)

    @classmethod
    def load(cls, path: str | os.PathLike) -> AnomalyCases:
        """Read what :py:meth:`save` wrote.

        Raises:
            DataError: when the file is missing, is damaged, or holds something else.
        """
        names = [*SCALARS, *ARRAYS, *(f"has_{key}" for key in ARRAYS), "shape"]
        fields = read_case_file(path, names, "saved anomaly maps")
        count = int(fields["has_mask"].sum())
        fields["mask"] = unpack_masks(fields["mask"], (count, 1, *fields["shape"][1:].tolist()))
        cases = cls("float16")
        found = {key: iter(fields[key]) for key in ARRAYS}
        for i in range(len(fields["label"])):
            arrays: dict[str, Any] = {key: next(found[key]) if fields[f"has_{key}"][i] else None for key in ARRAYS}
            scalars = {key: fields[key][i] for key in SCALARS}
            cases.append(**arrays, **{key: value for key, value in scalars.items() if value == value})  # a score or NaN
        return cases
