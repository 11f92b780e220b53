# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The one result that a program gets, MONAI Label for example, is the one of the files that it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import (
    TINY_GAN,
    TINY_MASK_DIFFUSION,
    TINY_NETWORK,
    TINY_SAMPLING,
    TINY_TRANSLATION,
)
from monai_anomaly.utils import describe

from .tiny_data import MODALITIES, NATIVE, ODD_AFFINE, write_case
from .workflow import infer, merged, write_random_weights

TINY: dict[str, dict[str, Any]] = {
    "descargan": {"channel_names": ["flair"], "spatial_size": [16, 16], **TINY_GAN},
    "diffanomaly": {**NATIVE, **TINY_NETWORK},
    "diffseg": {**NATIVE, **TINY_MASK_DIFFUSION},
    "difftranslation": {**NATIVE, **TINY_TRANSLATION, "displayable_configs#threshold": "otsu"},
}
SHOWN = {
    "descargan": ["mask", "map", "reconstruction", "difference"],
    "diffanomaly": ["mask", "map", *(f"reconstruction:{name}" for name in MODALITIES)],
    "diffseg": ["mask", "mean", "variance", "entropy"],
    "difftranslation": [
        "changed",
        "map",
        *(f"{kind}:{name}" for kind in ("translation", "difference") for name in MODALITIES),
    ],
}
MASKS = ("mask", "changed")
"""Whole numbers; the others are float."""


def asked_for(bundle: str, shown: str, results: dict[str, Any], **overrides: Any) -> torch.Tensor:
    """``pred`` of these results, by the transform that the configuration has for it."""
    parser = merged(bundle, "inference")
    parser.update({**TINY[bundle], **overrides, "displayable_configs#shown": shown})
    return parser.get_parsed_content("postprocessing").transforms[-1](results)["pred"]


@pytest.mark.parametrize("bundle", SHOWN)
def test_each_file_can_be_asked_for(bundle: str, tmp_path: Path) -> None:
    """With its values, on the grid of the image, masks as whole numbers and the rest as float; the first by default."""
    write_random_weights(bundle, tmp_path / "model.pt", **{k: v for k, v in TINY[bundle].items() if "network" in k})
    channels = TINY[bundle].get("channel_names", MODALITIES)
    case = write_case(tmp_path / "p", affine=ODD_AFFINE, names=channels)
    options = {**TINY[bundle], **TINY_SAMPLING.get(bundle, {}), "dataset_dir": str(case), "ckpt_dir": str(tmp_path)}
    done = infer(bundle, tmp_path / "out", **options)
    (results,) = done.evaluator.state.output
    (folder,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert torch.equal(results["pred"], asked_for(bundle, SHOWN[bundle][0], results))
    for shown in SHOWN[bundle]:
        pred = asked_for(bundle, shown, results)
        name, _, channel = shown.partition(":")
        written = nib.load(folder / f"{name}.nii.gz")
        values = written.get_fdata()
        np.testing.assert_allclose(pred[0], values[..., channels.index(channel)] if channel else values, atol=1e-6)
        np.testing.assert_allclose(pred.affine, written.affine, atol=1e-4)
        assert pred.dtype == (torch.uint8 if name in MASKS else torch.float32) and pred.unique().numel() > 1, shown


def test_several_scales_and_regions_have_names() -> None:
    results = {"map_1": torch.rand(1, 2, 2), "reconstruction_1": torch.rand(4, 2, 2), "mean": torch.rand(3, 2, 2)}
    scales = {"displayable_configs#scale": [1.0, 2.0]}
    assert torch.equal(asked_for("diffanomaly", "map_1", results, **scales), results["map_1"])
    found = asked_for("diffanomaly", "reconstruction_1:flair", results, **scales)
    assert torch.equal(found, results["reconstruction_1"][3:])
    assert torch.equal(asked_for("diffseg", "mean:TC", results, **{"encoding#kind": "regions"}), results["mean"][1:2])


@pytest.mark.parametrize("bundle", SHOWN)
def test_another_word_is_one_line_with_those_that_may_be_asked_for(bundle: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        asked_for(bundle, "heatmap", {})
    assert describe(caught.value) == f"shown: expected one of {', '.join(SHOWN[bundle])}; found 'heatmap'"
