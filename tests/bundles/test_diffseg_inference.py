# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The inference configuration on made-up images, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from monai_anomaly.apps.zoo.tiny_networks import TINY_DIFFUSION, TINY_MASK_DIFFUSION, TINY_SAMPLING
from monai_anomaly.metrics import ExpectedDiceThreshold, above
from monai_anomaly.utils import binary_entropy

from .tiny_data import MODALITIES, NATIVE, write_case
from .workflow import infer, write_random_weights

BRATS_2023 = {"necrosis": 1, "oedema": 2, "enhancing": 3}
KEEP = {"displayable_configs#num_samples": 5, "displayable_configs#keep_samples": True, "inferer#binarize": True}


def segment(folder: Path, case: Path, *names: str, **overrides: Any) -> tuple[dict[str, np.ndarray], Any]:
    """What was written for the one case, by name, and the workflow."""
    tiny = TINY_DIFFUSION if "inference_thesis" in names else TINY_MASK_DIFFUSION
    options = {**tiny, **TINY_SAMPLING["diffseg"], **NATIVE, **overrides}
    network = {k: v for k, v in options.items() if k.startswith(("network_def", "channel_names", "encoding"))}
    write_random_weights("diffseg", folder / "model.pt", *names, **network)
    done = infer("diffseg", folder / "out", *names, dataset_dir=str(case), ckpt_dir=str(folder), **options)
    (written,) = (path for path in (folder / "out").iterdir() if path.is_dir())
    images = {path.name.split(".")[0]: nib.load(path).get_fdata() for path in written.glob("*.nii.gz")}
    return images, done


def test_maps_are_those_of_the_samples(tmp_path: Path) -> None:
    """On a grid that is not resampled: mean, unbiased variance, entropy in bits, mask."""
    case = write_case(tmp_path / "p")
    images, _ = segment(tmp_path, case, **KEEP)
    samples = images["samples"]
    assert samples.shape == (16, 16, 4, 5) and set(np.unique(samples)) == {0, 1}
    np.testing.assert_allclose(images["mean"], samples.mean(-1), atol=1e-6)
    np.testing.assert_allclose(images["variance"], samples.var(-1, ddof=1), atol=1e-6)
    np.testing.assert_allclose(images["entropy"], binary_entropy(torch.tensor(samples.mean(-1))).numpy(), atol=1e-5)
    mean = np.moveaxis(samples.mean(-1), 2, 0)
    np.testing.assert_array_equal(np.moveaxis(images["mask"], 2, 0), above(mean, ExpectedDiceThreshold()))
    assert images["variance"].any() and images["mask"].any()


def test_slices_that_are_stacked_another_way(tmp_path: Path) -> None:
    """The rule cuts the slices that the network sees: here coronal ones, from back to front."""
    images, _ = segment(tmp_path, write_case(tmp_path / "p"), axcodes="RSA")
    mean = images["mean"]
    cut = {axis: np.moveaxis(above(np.moveaxis(mean, axis, 0), ExpectedDiceThreshold()), 0, axis) for axis in (1, 2)}
    np.testing.assert_array_equal(images["mask"], cut[1])
    assert (cut[1] != cut[2]).any()


def test_samples_are_written_on_request_only(tmp_path: Path) -> None:
    images, _ = segment(tmp_path, write_case(tmp_path / "p"))
    assert set(images) == {"mean", "variance", "entropy", "mask"}


def test_threshold_is_an_option(tmp_path: Path) -> None:
    images, _ = segment(tmp_path, write_case(tmp_path / "p"), **{"displayable_configs#threshold": 0.1})
    np.testing.assert_array_equal(images["mask"], images["mean"] > 0.1)


@pytest.mark.parametrize("spatial_size", [[160, 176], [155, 173]])
def test_2d_image_of_an_odd_size(tmp_path: Path, spatial_size: list[int]) -> None:
    """Sizes need not be multiples of anything: images are padded to the size, and that to the network's divisor."""
    case = write_case(tmp_path / "p", (155, 173))
    images, _ = segment(tmp_path, case, spatial_size=spatial_size)
    assert {image.shape for image in images.values()} == {(155, 173)} and images["mean"].any()


def test_one_channel_of_a_picture(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(1, 255, (30, 40), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    options = {"channel_names": ["xray"], "spatial_size": [40, 32], **KEEP}
    images, _ = segment(tmp_path, tmp_path / "x.png", **options)
    assert images["mean"].shape == (40, 30) and images["samples"].shape == (40, 30, 1, 5)


def test_six_channels(tmp_path: Path) -> None:
    names = [*MODALITIES, "dwi", "adc"]
    images, done = segment(tmp_path, write_case(tmp_path / "p", names=names), channel_names=names)
    assert done.evaluator.state.output[0]["image"].shape[0] == 6 and images["mean"].any()


@pytest.mark.parametrize(
    ("encoding", "names", "values"),
    [
        ({}, ["WT", "TC", "ET"], {1, 2, 4}),
        ({"encoding#classes": BRATS_2023}, ["WT", "TC", "ET"], {1, 2, 3}),
        ({"encoding#kind": "classes"}, ["necrosis", "oedema", "enhancing"], {1, 2, 4}),
    ],
)
def test_label_map_has_the_values_of_the_files(
    tmp_path: Path, encoding: dict[str, Any], names: list[str], values: set[int]
) -> None:
    images, _ = segment(tmp_path, write_case(tmp_path / "p"), "inference_regions", **encoding, **KEEP)
    assert images["mean"].shape == (16, 16, 4, 3) and images["samples"].shape == (16, 16, 4, 15)
    assert values >= set(np.unique(images["mask"])) - {0} != set()
    regions = json.loads((tmp_path / "out" / "p" / "scores.json").read_text(encoding="utf-8"))["regions"]
    assert list(regions) == names


def test_overlay_of_the_thesis_segments_its_slices(tmp_path: Path) -> None:
    options = {"inferer#divisor": 8, "displayable_configs#slice_range": [2, 4]}
    case = write_case(tmp_path / "p", (16, 16, 6))
    images, done = segment(tmp_path, case, "inference_thesis", **options)
    assert images["entropy"].shape == (16, 16, 6) and not images["mean"][..., [0, 1, 4, 5]].any()
    image = done.evaluator.state.output[0]["image"]
    assert image.min() == 0 and image.max() == 1
