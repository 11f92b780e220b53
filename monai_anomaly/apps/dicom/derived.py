# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Results of an inference as DICOM objects of the study that they were made of."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from ... import __version__
from ...utils import RAS_TO_LPS, DataError, atomic_path

__all__ = ["DerivedObjects", "remove_derived"]

MASKS = {"mask": "Anomaly", "changed": "Changed"}
MAPS = {
    "map": "Anomaly map",
    "mean": "Probability of a lesion",
    "variance": "Variance over samples",
    "entropy": "Entropy of the mean",
}
_LONGEST = 64
"""Characters of a long string of DICOM."""


def remove_derived(folder: Path) -> None:
    """Remove what `DerivedObjects` wrote for a case, so that it never passes for the results of a later run."""
    for name in (*MASKS, *MAPS):
        for path in (folder / f"{name}.dcm", *folder.glob(f"{name}_region*.dcm")):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class DerivedObjects:
    """Writes a mask as DICOM segmentation and maps as parametric maps beside the NIfTI files of a case, with patient,
    study and frame of reference of the series whose grid they have.

    Args:
        sources: headers of that series, of all its slices.
        bundle: name of what made them.
        scores: content of ``scores.json``.
        number: first free Series Number of the study.
    """

    sources: Sequence[Any]
    bundle: str
    scores: dict[str, Any]
    number: int

    def write(self, folder: Path) -> list[Path]:
        """Write ``<name>.dcm`` for each of the masks (BINARY, a segment for each label) and maps (float32) there are.
        Of a series without frame of reference, such as an X-ray, there is no map: DICOM has none of it.

        Raises:
            DataError: the grid of the results cannot be told in DICOM, as that of a tilted gantry.
        """
        logging.getLogger("highdicom").setLevel(logging.WARNING)  # it tells every module that it copies
        written: list[Path] = []
        for name, title, image in _images(folder):
            if not (name in MASKS or self._frame):
                continue
            make = self._segmentation if name in MASKS else self._parametric_map
            made = make(title, image, self.number + len(written))
            path = folder / f"{name}.dcm"
            with atomic_path(path) as tmp:
                made.save_as(tmp)
            written.append(path)
        return written

    def _segmentation(self, title: str, image: Any, number: int) -> Any:
        import highdicom as hd
        from pydicom.sr.codedict import codes

        values = np.asanyarray(image.dataobj).astype(np.uint8)
        labels = sorted({1, *np.unique(values).tolist()} - {0})
        numbers = np.zeros(256, dtype=np.uint8)
        numbers[labels] = np.arange(1, len(labels) + 1)
        threshold = self.scores.get("threshold", {})
        told = {k: f"{v:.6g}" if isinstance(v, float) else str(v) for k, v in threshold.items()}
        algorithm = hd.AlgorithmIdentificationSequence(
            name=f"monai_anomaly {self.bundle}"[:_LONGEST],
            family=codes.DCM.ArtificialIntelligence,
            version=__version__,
            parameters={**{f"threshold {k}": v for k, v in told.items()}, "weights": self._weights},
        )
        segments = [
            hd.seg.SegmentDescription(
                segment_number=i + 1,
                segment_label=title if len(labels) == 1 else f"{title}, label {label}",
                segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
                segmented_property_type=codes.SCT.Lesion,
                algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
                algorithm_identification=algorithm,
            )
            for i, label in enumerate(labels)
        ]
        return hd.seg.Segmentation(
            pixel_array=self._pixels(image, numbers[values]),
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=segments,
            omit_empty_frames=False,  # readers that know no positions of frames (ITK) then see the whole volume
            **self._common(title, number),
        )

    def _parametric_map(self, title: str, image: Any, number: int) -> Any:
        import highdicom as hd
        from pydicom.sr.codedict import codes

        values = np.asanyarray(image.dataobj).astype(np.float32)
        low, high = float(values.min()), float(values.max())
        meaning = hd.pm.RealWorldValueMapping(
            lut_label="value",
            lut_explanation=title,
            unit=codes.UCUM.NoUnits,
            value_range=(low, high),
            slope=1,
            intercept=0,
        )
        return hd.pm.ParametricMap(
            pixel_array=self._pixels(image, values),
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[meaning],
            voi_lut_transformations=[
                # LINEAR needs a width of 1 or more
                hd.VOILUTTransformation((low + high) / 2, max(high - low, 1e-6), voi_lut_function="LINEAR_EXACT")
            ],
            **self._common(title, number),
        )

    def _pixels(self, image: Any, values: np.ndarray) -> Any:
        """The values slice by slice, each with its rows, in place where the series has a frame of reference."""
        import highdicom as hd

        values = np.ascontiguousarray(np.atleast_3d(values).T)
        if not self._frame:
            return values
        affine = RAS_TO_LPS @ image.affine
        try:
            return hd.Volume(values, affine[:, [2, 1, 0, 3]], "PATIENT", frame_of_reference_uid=self._frame)
        except ValueError as error:
            raise DataError(f"expected results on a grid that DICOM can tell, found {error}") from error

    def _common(self, title: str, number: int) -> dict[str, Any]:
        import highdicom as hd

        note = self.scores.get("weights", {}).get("note")
        return {
            "source_images": self.sources,
            "series_instance_uid": hd.UID(),
            "series_number": number,
            "sop_instance_uid": hd.UID(),
            "instance_number": 1,
            "manufacturer": "monai_anomaly",
            "manufacturer_model_name": self.bundle[:_LONGEST],
            "software_versions": __version__,
            "device_serial_number": self._weights[:16],
            "series_description": f"{title} ({self.bundle})"[:_LONGEST],
            "content_description": "; ".join(["research use only", *([note] if note else [])])[:_LONGEST],
        }

    @property
    def _frame(self) -> str | None:
        return self.sources[0].get("FrameOfReferenceUID")

    @property
    def _weights(self) -> str:
        return str(self.scores.get("weights", {}).get("sha256", "unknown"))


def _images(folder: Path) -> Iterator[tuple[str, str, Any]]:
    """Name, title and NIfTI image of each result; of several regions one for each."""
    for name, title in {**MASKS, **MAPS}.items():
        path = folder / f"{name}.nii.gz"
        if not path.is_file():
            continue
        image: Any = nib.load(path)
        if len(image.shape) < 4:
            yield name, title, image
            continue
        for i, region in enumerate(np.moveaxis(np.asanyarray(image.dataobj), -1, 0), 1):
            yield f"{name}_region{i}", f"{title}, region {i}", nib.Nifti1Image(region, image.affine)
