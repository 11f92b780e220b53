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
from .workflow import AFTER, BUNDLES, PLANS, configs, merged

OVERLAYS = [
    (bundle.name, path.stem.removeprefix("inference_"))
    for bundle in BUNDLES
    for path in sorted((bundle / "configs").glob("inference_*.json"))
]
INCOMPLETE = {
    ("published",): "thesis",
    ("thesis",): "published",
    ("thesis", "chexpert"): "published",
    ("published", "chexpert"): "thesis",
    ("chexpert",): "thesis",
}
"""Overlays without one that they need, and what is missing."""
OF_INFERENCE = {"difftranslation": ("direction", "insert", "remove", "synthesize", "two")}
"""Ways to apply a trained model that no training goes with."""
COMMAND_IDS = ("evaluating", "finalize", "benchmark")
"""Entries that a default configuration may lack: for `monai.bundle` what to run by name, and what at the end; for the
benchmark its settings."""
each_overlay = pytest.mark.parametrize(("bundle", "name"), OVERLAYS)
in_two_files = pytest.mark.parametrize(("bundle", "name"), [o for o in OVERLAYS if o[1] != "thesis"])
"""Overlays that say it once for the training and once for the inference; the published settings are in one file."""


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
    """A variant has a folder of its own for `model.pt`; `overfit` is a check."""
    trained = [
        (bundle.name, json.loads(path.read_text(encoding="utf-8")).get("variant"))
        for bundle in BUNDLES
        for path in (bundle / "configs").glob("*.json")
        if not any(word in path.stem for word in ("train", "inference", "overfit"))
    ]
    assert sorted(entry for entry in trained if entry[1]) == OVERLAYS
    assert {name for _, name in OVERLAYS} == {
        "chest",
        "chexpert",
        "cxr128",
        "cxr64",
        "faces",
        "laterality",
        "lgg",
        "long",
        "regions",
        "thesis",
    }


@in_two_files
def test_inference_has_the_network_of_the_training(bundle: str, name: str) -> None:
    train, inference = pair(bundle, name)
    # a training may bring its images to the size and spacing in a way of its own, see the next test
    for item in set(SHARED) - {"pixdim"}:
        assert train.get(item) == inference.get(item), item


@in_two_files
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


@pytest.mark.parametrize(
    ("kind", "prefix", "data"), [("train", "", "datalist"), ("inference", "inference_", "dataset")]
)
@pytest.mark.parametrize(
    ("bundle", "names", "missing"),
    [
        (bundle.name, names, missing)
        for bundle in BUNDLES
        for names, missing in INCOMPLETE.items()
        if (bundle / "configs" / f"{names[-1]}.json").is_file()
    ],
)
def test_an_overlay_that_goes_with_another_says_so(
    bundle: str, names: tuple[str, ...], missing: str, kind: str, prefix: str, data: str
) -> None:
    """Without it the default network, images of the default size or the default training would be taken."""
    files = [configs(bundle) / f"{'' if name == 'published' else prefix}{name}.json" for name in names]
    parser = merged(bundle, kind, *files)
    if kind == "inference":
        parser["dataset#data"] = []  # of what is missing, the data are named first
    with pytest.raises(ValueError, match=f"@{missing}` is not defined"):
        parser.get_parsed_content("network_def" if names == ("published",) else data)


@pytest.mark.parametrize("bundle", [bundle.name for bundle in BUNDLES])
def test_no_overlay_sets_what_nothing_reads(bundle: str) -> None:
    """A mistyped name is an entry of its own, without an error."""
    defaults = {kind: merged(bundle, kind) for kind in ("train", "inference")}
    texts = {path.stem: path.read_text(encoding="utf-8") for path in configs(bundle).glob("*.json")}
    for name in sorted(set(texts) - {"metadata", "train", "inference", *PLANS}):
        applied = name.startswith("inference_") or name in OF_INFERENCE.get(bundle, ())
        kinds = defaults if name == "published" else ["inference" if applied else "train"]
        # an entry that the overlay itself reads, or one that goes after it
        readers = texts[name] + "".join(texts.get(then, "") for then, first in AFTER.items() if first == name)
        for default in (defaults[kind] for kind in kinds):
            for key in json.loads(texts[name]):
                entry = key.removeprefix("+")
                place = entry.rpartition("#")[0] or entry  # a component may get an argument more
                own = re.search(rf"@{re.escape(key)}\b", readers)
                assert place in default or place in COMMAND_IDS or own, (name, key)
                assert not key.startswith("+") or entry in default, (name, key)


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


@each_overlay
def test_pictures_stand_upright(bundle: str, name: str) -> None:
    """The second axis of a PNG or TIFF points downward, that of a volume's slice upward."""
    training = pair(bundle, name)[0]
    axcodes = training.get("axcodes", "RAS")
    if bundle != "l2i_classification" and (len(axcodes) == 2 or "cxr" in name or "chex" in name):
        assert training["task"]["rotate"] is False
