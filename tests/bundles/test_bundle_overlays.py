# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlays of inference say what those of training say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from monai.bundle import ConfigParser

from .test_bundle_workflows import SHARED
from .workflow import AFTER, BUNDLES, configs, merged

OVERLAYS = [
    (bundle.name, path.stem.removeprefix("inference_"))
    for bundle in BUNDLES
    for path in sorted((bundle / "configs").glob("inference_*.json"))
]
COMMAND_IDS = ("evaluating", "finalize", "benchmark")
"""Entries that a default configuration may lack: for `monai.bundle` what to run by name, and what at the end; for the
benchmark its settings."""
each_overlay = pytest.mark.parametrize(("bundle", "name"), OVERLAYS)


def pair(bundle: str, name: str) -> tuple[ConfigParser, ConfigParser]:
    """Training and inference with the overlay of a name."""
    return merged(bundle, "train", name), merged(bundle, "inference", f"inference_{name}")


def for_the_image(transform: Any) -> Any:
    """A transform as far as it concerns the image: of arguments with one entry per key, the first."""
    if isinstance(transform, str):
        return transform
    several = isinstance(transform["keys"], list) or transform["keys"] == "@image_keys"
    return {
        key: value[0] if several and key in ("channels", "mode") and isinstance(value, list) else value
        for key, value in transform.items()
        if key not in ("keys", "allow_missing_keys", "modalities", "_disabled_")
    }


def test_every_trained_model_has_an_inference() -> None:
    """An overlay with a folder of its own for `model.pt` trains a model of its own, except the check `overfit`."""
    trained = [
        (bundle.name, path.stem)
        for bundle in BUNDLES
        for path in sorted((bundle / "configs").glob("*.json"))
        if {"ckpt_dir", "variant"} & set(json.loads(path.read_text(encoding="utf-8")))
        and not any(word in path.stem for word in ("train", "inference", "overfit"))
    ]
    assert trained == OVERLAYS
    assert {name for _, name in OVERLAYS} == {"chest", "chexpert", "cxr64", "long", "regions", "thesis"}


@each_overlay
def test_inference_has_the_network_of_the_training(bundle: str, name: str) -> None:
    train, inference = pair(bundle, name)
    # a training may bring its images to the size and spacing in a way of its own, see the next test
    for item in set(SHARED) - {"pixdim"}:
        assert train.get(item) == inference.get(item), item


@each_overlay
def test_inference_prepares_images_as_the_training(bundle: str, name: str) -> None:
    train, inference = pair(bundle, name)
    assert for_the_image(train["intensity"]) == for_the_image(inference["intensity"])
    wanted = [for_the_image(t) for t in train["volume_transforms"] if "SelectItemsd" not in str(t)]
    ready = [for_the_image(t) for t in inference["preprocessing#transforms"] if "PreprocessRawd" not in str(t)]
    assert wanted == ready
    if "@pixdim" in str(wanted):
        assert train["pixdim"] == inference["pixdim"]


@each_overlay
def test_inference_takes_the_files_of_the_training_and_writes_beside_them(bundle: str, name: str) -> None:
    train, inference = pair(bundle, name)
    assert train.get_parsed_content("ckpt_dir") == inference.get_parsed_content("ckpt_dir")
    assert train.get_parsed_content("output_dir") + "/inference" == inference.get_parsed_content("output_dir")
    assert train.get_parsed_content("dataset_dir") + "/datalist.json" == inference.get_parsed_content("dataset_dir")


@pytest.mark.parametrize("bundle", ["descargan", "diffanomaly"])
@pytest.mark.parametrize(
    ("kind", "overlay", "item"), [("train", "chexpert", "datalist"), ("inference", "inference_chexpert", "dataset")]
)
def test_an_overlay_that_goes_after_another_says_so(bundle: str, kind: str, overlay: str, item: str) -> None:
    """Alone it would train the default network on images of the default size."""
    parser = merged(bundle, kind, configs(bundle) / f"{overlay}.json")
    if kind == "inference":
        parser["dataset#data"] = []  # of what is missing, the data are named first
    with pytest.raises(ValueError, match="@published` is not defined"):
        parser.get_parsed_content(item)


@pytest.mark.parametrize("bundle", [bundle.name for bundle in BUNDLES])
def test_no_overlay_sets_what_nothing_reads(bundle: str) -> None:
    """A mistyped name is an entry of its own, without an error."""
    defaults = {kind: merged(bundle, kind) for kind in ("train", "inference")}
    pairs = [(first, configs(bundle) / f"{then}.json") for then, first in AFTER.items()]
    after = {first: path.read_text(encoding="utf-8") for first, path in pairs if path.is_file()}
    for path in sorted(configs(bundle).glob("*.json")):
        if path.stem in ("metadata", "train", "inference"):
            continue
        default = defaults["inference" if path.stem.startswith("inference_") else "train"]
        text = path.read_text(encoding="utf-8")
        for key in json.loads(text):
            place = key.removeprefix("+").rpartition("#")[0] or key  # a component may get an argument more
            # an entry that the overlay itself reads, or one that goes after it
            own = re.search(rf"@{re.escape(key)}\b", text + after.get(path.stem, ""))
            assert place in default or place in COMMAND_IDS or own, (path.name, key)
            assert not key.startswith("+") or key[1:] in default, (path.name, key)


def test_bundles_of_brain_mr_prepare_images_alike() -> None:
    """So what is tested of one, like raw scans, holds for the other."""
    first, second = (merged(bundle, "inference") for bundle in ("diffanomaly", "diffseg"))
    for item in ("preprocessing", "intensity", "intensity_range", "dataset", "dataloader"):
        assert first[item] == second[item], item


@pytest.mark.parametrize("bundle", ["diffanomaly", "diffseg"])
def test_inference_of_the_thesis_takes_the_slices_of_the_training(bundle: str) -> None:
    """The volumes of BraTS are all of one grid."""
    train, inference = pair(bundle, "thesis")
    assert inference["displayable_configs#slice_range"] == train["slice_range"]
    assert json.loads((configs(bundle) / "thesis.json").read_text(encoding="utf-8"))["dataset_dir"] == "data/brats"
