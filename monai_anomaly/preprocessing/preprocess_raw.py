# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import TransformBackends

from ..registration import SpaceTransform
from .brain_mr import BrainMRPreprocessing
from .native import to_native

__all__ = ["PreprocessRawD", "PreprocessRawDict", "PreprocessRawd"]


class PreprocessRawd(MapTransform, InvertibleTransform):
    """Load raw scans of a person and bring them to model space, as the channels of one image; for inference.

    The inverse brings a map from model space to the grid of the reference scan, whatever was done to it in between.

    Args:
        keys: entries with one path per modality, in order.
        modalities: their names.
        report_key: entry for the measures of quality, as JSON, since samples are collated.
        allow_missing_keys: skip keys a sample does not have.
        settings: of `BrainMRPreprocessing`.

    Raises:
        DataError: when there is not one path per modality, or a scan cannot be used.
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        keys: KeysCollection,
        modalities: Sequence[str],
        report_key: str = "preprocessing_report",
        allow_missing_keys: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.report_key = report_key
        self.preprocess = BrainMRPreprocessing(modalities, **settings)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Load and preprocess the scans of a sample: (C, X, Y, Z)."""
        d = dict(data)
        for key in self.key_iterator(d):
            names = self.preprocess.modalities
            files = self.preprocess.inputs(d[key])
            scan = self.preprocess(files)
            channels = torch.cat([scan.images[m].as_tensor() for m in names])
            image = MetaTensor(
                channels, affine=scan.brain.affine, meta={"filename_or_obj": str(files[self.preprocess.reference])}
            )
            facts = {k: v for k, v in asdict(scan.transform).items() if k != "native_header"}  # None is not collated
            trace = {"transform": facts, "mode": "bilinear"}
            d[key] = self.push_transform(image, extra_info=trace)
            d[self.report_key] = json.dumps(scan.report)
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring images to the grid of the reference scan."""
        d = dict(data)
        for key in self.key_iterator(d):
            trace = self.pop_transform(d[key])["extra_info"]
            facts = trace["transform"]
            transform = SpaceTransform(
                matrix=np.asarray(facts["matrix"], dtype=float).tolist(),
                template=str(facts["template"]),
                template_sha256=str(facts["template_sha256"]),
                native_shape=[int(n) for n in facts["native_shape"]],
                native_affine=np.asarray(facts["native_affine"], dtype=float).tolist(),
            )
            d[key] = to_native(d[key], transform, trace["mode"])
        return d


PreprocessRawD = PreprocessRawDict = PreprocessRawd
