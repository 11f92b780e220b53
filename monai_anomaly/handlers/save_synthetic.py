# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from ..data import SyntheticSet
from ..transforms import LoadModalities
from ..utils import INTENSITY_WIDTH, DataError, check_writable, one_of
from ..utils.native_image import to_array, volume_affine

__all__ = ["SaveSynthetic"]


class SaveSynthetic:
    """Write images with the lesion that was put in, and its mask, into a `SyntheticSet`.

    The networks see intensities that were scaled by each subject's brain. What is written is the file's own image plus
    the difference, scaled back by the same factor (`ScaleIntensityByBrain` notes it), so that a detector scales real
    and synthetic images alike. The difference counts in the region in which the guide acted, within the brain;
    everything else is the file's own, bit for bit, so that nothing but the lesion tells the images apart. No voxel
    falls below the least value of its channel.

    A result holds ``image``, ``difference`` (C, ...) as shares of the intensity range, ``region`` and the mask
    (1, ...), in the geometry of the file.

    Args:
        dataset: where it goes.
        mask_source: ``"desired"``, the mask that was asked for, or ``"found_after"``, what a segmenter finds.
        name_key: entry of the batch that names the case.
        report_key: entry that raw scans have, see `CaseWriter`.

    Raises:
        ValueError: when the source is another.
        DataError: in use, when the mask that was found is empty, the image is not that of the file, or it was raw and
            preprocessed on the way.
    """

    def __init__(
        self,
        dataset: SyntheticSet,
        mask_source: str = "desired",
        name_key: str = "subject",
        report_key: str = "preprocessing_report",
    ) -> None:
        one_of("mask_source", mask_source, ("desired", "found_after"))
        self.dataset = dataset
        self.mask_source = mask_source
        self.name_key = name_key
        self.report_key = report_key
        self.load = LoadModalities(modalities=dataset.modalities)

    def attach(self, engine: Engine) -> None:
        """Write the cases of each batch of an evaluator with postprocessing, within its iteration, see `CaseWriter`."""
        engine.add_event_handler(Events.STARTED, lambda: check_writable(self.dataset.output_dir))
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the cases of the last batch."""
        batch: Any = engine.state.batch
        output: Any = engine.state.output
        for sample, result in zip(batch, output, strict=True):
            name = str(sample[self.name_key])
            if self.report_key in sample:  # the difference is in the units of the preprocessed scan
                raise DataError(f"{name}: expected a preprocessed image, found raw scans; preprocess them first")
            mask = to_array(result[self.mask_source])[0] > 0
            if not mask.any():
                raise DataError(f"{name}: expected a lesion in the mask {self.mask_source!r}, found none")
            folder = self._save(name, result, mask)
            print(f"{folder}: a lesion of {int(mask.sum())} voxels, from {self.dataset.samples[name].get('donor')}")

    def _save(self, name: str, result: Mapping[str, Any], mask: np.ndarray) -> Any:
        paths = self.dataset.samples[name]["image"]
        files = [paths] if isinstance(paths, str) else list(paths)
        original = self.load(files)
        image, difference = to_array(original), to_array(result["difference"])
        if image.shape != difference.shape:
            raise DataError(f"{files[0]}: expected an image of {difference.shape}, found {image.shape}")
        inside = (to_array(result["region"])[0] > 0) & (to_array(result["image"]) > 0).any(0)
        width = np.asarray(result["image"].meta[INTENSITY_WIDTH], dtype=np.float32).reshape(-1, *[1] * mask.ndim)
        floor = image.reshape(len(image), -1).min(1).reshape(width.shape)
        made = np.where(inside, np.maximum(image + difference * width, floor), image)
        return self.dataset.save(name, made, mask, volume_affine(original), files)
