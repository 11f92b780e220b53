# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..utils import DataError, as_path, atomic_write, file_digest, read_geometry, read_json, write_nifti
from .datalist import load_datalist, save_datalist
from .desired_masks import DESIRED

__all__ = ["SyntheticSet"]

NAME = "datalist.json"
RECEIPT = "sample.json"
KEPT = ("site", "donor")


class SyntheticSet:
    """A data set of images that a network put lesions into, for training and testing other detectors: a folder for each
    subject, with a file per modality and ``seg.nii.gz``, and at the end a ``datalist.json``.

    Every entry of its section ``training`` says ``synthetic: true``, and has ``image``, ``mask``, ``label`` 1,
    ``subject`` (the person, so that a split by patient stays one), ``donor`` (whose mask it was) and ``site``. Real
    sections of the source stand beside it, so that the other bundles take the folder as ``dataset_dir``.

    Args:
        output_dir: folder of the data set.
        samples: what is to be made, as `borrow_masks` returns them.
        modalities: names of the channels, in order; the files are named by them.
        source: the datalist that the samples come from, for ``real_sections``; None, or no JSON: none is taken.
        real_sections: sections of the source that are taken as they are, e.g. ``["validation", "test"]``; with
            ``"training"`` its images come before the synthetic ones.
        settings: what of the inference decides the images. A folder that was begun with others is refused.
        model_file: the weights, which are a setting; None: not looked at.

    Attributes:
        missing: the samples that are not made yet.

    Raises:
        DataError: when the folder holds samples that were made with other settings, weights or masks.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike,
        samples: Sequence[Mapping[str, Any]],
        modalities: Sequence[str],
        source: str | os.PathLike | None = None,
        real_sections: Sequence[str] = ("validation", "test"),
        settings: Mapping[str, Any] | None = None,
        model_file: str | os.PathLike | None = None,
    ) -> None:
        self.output_dir = as_path(output_dir, "output_dir")
        self.samples = {str(sample["subject"]): dict(sample) for sample in samples}
        self.modalities = list(modalities)
        self.source = None if source is None else Path(os.path.abspath(as_path(source, "source")))
        self.real_sections = tuple(real_sections)
        about: dict[str, Any] = dict(settings or {})
        if model_file is not None and Path(model_file).is_file():
            about["weights"] = file_digest(model_file)
        self.settings = json.loads(json.dumps(about))  # as they are read again
        self.missing = [sample for name, sample in self.samples.items() if not self._is_made(name)]

    def save(self, name: str, image: np.ndarray, mask: np.ndarray, affine: np.ndarray, files: Sequence[str]) -> Path:
        """Write a subject; the file that says that it is there comes last.

        Args:
            name: its ``subject`` among the samples.
            image: (C, ...), in the units of the input.
            mask: (...), of 0 and 1.
            affine: (4, 4), of both.
            files: where the channels came from, whose header the results keep; one for each, or one.

        Returns:
            The subject's folder.
        """
        folder, sample = self.output_dir / name, self.samples[name]
        sources = [read_geometry(file) for file in (files if len(files) == len(image) else [files[0]] * len(image))]
        paths = [folder / f"{modality}.nii.gz" for modality in self.modalities]
        for path, channel, geometry in zip(paths, image, sources, strict=True):
            write_nifti(path, channel.astype(np.float32), affine, geometry)
        write_nifti(folder / "seg.nii.gz", mask.astype(np.uint8), affine, sources[0])
        entry = {
            "image": [path.name for path in paths],
            "mask": "seg.nii.gz",
            "label": 1,
            "subject": sample.get("patient", name),
            **{key: sample[key] for key in KEPT if key in sample},
            "synthetic": True,
        }
        with atomic_write(folder / RECEIPT) as f:
            json.dump({"entry": entry, "made_with": self._made_with(name)}, f, indent=1)
        return folder

    def finish(self) -> Path:
        """Write the datalist, of all that could be made.

        Raises:
            DataError: when nothing was made, or the source is damaged.
        """
        made = [name for name in self.samples if (self.output_dir / name / RECEIPT).is_file()]
        if not made:
            raise DataError(f"{self.output_dir}: expected a subject with a lesion put in, found none")
        real = self._real()
        datalist = {
            "description": "Synthetic: lesions put into real images by a diffusion model. Not for claims on patients.",
            "name": self.output_dir.name,
            "modalities": self.modalities,
            "settings": self.settings,
            **real,
            "training": [*real.get("training", []), *(self._entry(name) for name in made)],
            "left_out": [{"case": name, "reason": "not made"} for name in self.samples if name not in made],
        }
        save_datalist(self.output_dir / NAME, datalist)
        print(f"{self.output_dir / NAME}: {len(made)} synthetic, {len(self.samples) - len(made)} left out")
        return self.output_dir / NAME

    def _entry(self, name: str) -> dict[str, Any]:
        folder = Path(os.path.abspath(self.output_dir / name))
        entry: dict[str, Any] = read_json(folder / RECEIPT)["entry"]
        paths = {"image": [str(folder / file) for file in entry["image"]], "mask": str(folder / entry["mask"])}
        return {**entry, **paths}

    def _real(self) -> dict[str, list[dict[str, Any]]]:
        if self.source is None or self.source.suffix.lower() != ".json":
            return {}
        listed = read_json(self.source)
        there = [section for section in self.real_sections if listed.get(section)]
        return {section: load_datalist(self.source, section, self.modalities, check_files=False) for section in there}

    def _made_with(self, name: str) -> dict[str, Any]:
        mask = Path(str(self.samples[name][DESIRED]))
        return {**self.settings, "mask": "/".join(mask.parts[-2:])}  # the same when the data were moved

    def _is_made(self, name: str) -> bool:
        path = self.output_dir / name / RECEIPT
        if not path.is_file():
            return False
        before, now = read_json(path)["made_with"], self._made_with(name)
        changed = [
            f"{key} {before.get(key)!r}, not {now.get(key)!r}"
            for key in {**before, **now}
            if before.get(key) != now.get(key)
        ]
        if changed:
            raise DataError(
                f"{path}: expected a sample made as this run makes them, found one made with {'; '.join(changed[:3])}; "
                "remove the folder, or name another one with --output_dir"
            )
        return True
