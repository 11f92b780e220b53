# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlays say what the paper says, and those of inference what those of training say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anomaly.engines import NoisyPrepareBatch

CONFIGS = Path(__file__).resolve().parents[2] / "bundles" / "diffanomaly" / "configs"
OVERLAYS = sorted(p.stem.removeprefix("inference_") for p in CONFIGS.glob("inference_*.json"))


def merged(*names: str) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([CONFIGS / f"{name}.json" for name in names])
    return parser


def pair(name: str) -> tuple[ConfigParser, ConfigParser]:
    return merged("train", name), merged("inference", f"inference_{name}")


def for_the_image(transform: Any) -> Any:
    """A transform as far as it concerns the image: of arguments with one entry a key, the first."""
    if isinstance(transform, str):
        return transform
    several = isinstance(transform["keys"], list) or transform["keys"] == "@image_keys"
    return {
        key: value[0] if several and key in ("channels", "mode") and isinstance(value, list) else value
        for key, value in transform.items()
        if key not in ("keys", "allow_missing_keys", "modalities")
    }


def test_every_trained_model_has_an_inference() -> None:
    assert OVERLAYS == ["chexpert", "cxr64", "long", "thesis"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_inference_has_the_network_of_the_training(name: str) -> None:
    train, inference = pair(name)
    for item in ("network_def", "num_classes", "null_label", "channel_names", "spatial_size", "schedule"):
        assert train[item] == inference[item], item


@pytest.mark.parametrize("name", OVERLAYS)
def test_inference_prepares_images_as_the_training(name: str) -> None:
    train, inference = pair(name)
    assert train["intensity_range"] == inference["intensity_range"]
    assert for_the_image(train["intensity"]) == for_the_image(inference["intensity"])
    wanted = [for_the_image(t) for t in train["volume_transforms"] if "SelectItemsd" not in str(t)]
    ready = [t for t in inference["preprocessing#transforms"] if "PreprocessRawd" not in str(t)]
    assert wanted == [
        {k: v for k, v in for_the_image(t).items() if k != "_disabled_"} if isinstance(t, dict) else t for t in ready
    ]
    if "@pixdim" in str(wanted):
        assert train["pixdim"] == inference["pixdim"]


@pytest.mark.parametrize("name", OVERLAYS)
def test_inference_translates_as_the_evaluation(name: str) -> None:
    train, inference = pair(name)
    ours = {k: v for k, v in inference["inferer"].items() if k not in ("progress", "autocast", "slice_range")}
    options = inference["displayable_configs"]
    ours = {k: options[v.split("#")[1]] if str(v).startswith("@displayable") else v for k, v in ours.items()}
    resampling = {"_target_": ours["resampling"]["_target_"], "threshold": options["resampling"]}
    ours["resampling"] = None if options["resampling"] is None else resampling
    theirs = {**train["translation"], "border": train["border"]}
    assert {k: ours.pop(k) for k in theirs if k in ours} == theirs
    assert ours == {"target": 0}
    if name == "thesis":  # whose volumes are all of one grid
        assert options["slice_range"] == train["slice_range"]


@pytest.mark.parametrize(("name", "ours"), [("long", True), ("cxr64", False), ("thesis", False), ("chexpert", False)])
def test_the_long_run_alone_mirrors_and_resamples(name: str, ours: bool) -> None:
    train, inference = pair(name)
    for inferer in (train.get_parsed_content("translation"), inference.get_parsed_content("inferer")):
        assert inferer.mirror_axis == (0 if ours else None)
        assert (inferer.resampling.threshold if inferer.resampling else None) == (0.18 if ours else None)


def test_the_comparator_is_the_papers_own() -> None:
    ddpm = merged("train", "ddpm").get_parsed_content("translation")
    assert ddpm.mirror_axis is None and ddpm.resampling is None and ddpm.label_scale == 0


@pytest.mark.parametrize("name", OVERLAYS)
def test_inference_takes_the_files_of_the_training_and_writes_beside_them(name: str) -> None:
    train, inference = pair(name)
    assert train["ckpt_dir"] == inference["ckpt_dir"]
    assert train.get_parsed_content("output_dir") + "/inference" == inference.get_parsed_content("output_dir")
    assert train.get_parsed_content("dataset_dir") + "/datalist.json" == inference.get_parsed_content("dataset_dir")


def test_chexpert_is_the_papers_setting_with_one_channel() -> None:
    thesis, chexpert = (json.loads((CONFIGS / f"{n}.json").read_text()) for n in ("thesis", "chexpert"))
    data = {
        "config_name", "dataset_dir", "ckpt_dir", "output_dir", "slice_range", "pixdim", "validation_step", "epochs",
        "intensity", "channel_names", "image_keys", "volume_transforms",
    }  # fmt: skip
    rest = {k: v for k, v in chexpert.items() if k not in data and not k.startswith("evaluate#report")}
    assert rest == {k: v for k, v in thesis.items() if k not in data}


@pytest.mark.parametrize(
    ("name", "diffusion", "classifier"), [("thesis", 113_681_160, 5_452_962), ("chexpert", 113_670_786, 5_452_098)]
)
def test_networks_have_the_papers_numbers_of_parameters(name: str, diffusion: int, classifier: int) -> None:
    with torch.device("meta"):  # no memory
        network = merged("inference", f"inference_{name}").get_parsed_content("network_def")
    counts = [sum(p.numel() for p in part.parameters()) for part in (network.diffusion, network.classifier)]
    assert counts == [diffusion, classifier]


@pytest.mark.parametrize(
    ("names", "iterations"),
    [((), 24), (("long",), 21), (("cxr64",), 240), (("thesis",), 0), (("chexpert",), 0), (("vae",), 0)],
)
def test_the_classifier_has_a_ramp_where_it_is_asked_for(names: tuple[str, ...], iterations: int) -> None:
    parser = merged("train", *names)
    parser.set([0] * 10, "train#dataloader")
    parser.set(NoisyPrepareBatch(), "train#prepare_batch")
    (place,) = (i for i, h in enumerate(parser["train#handlers"]) if h["_target_"].endswith(".LevelRamp"))
    ramp = parser.get_parsed_content(f"train#handlers#{place}")
    assert (0 if ramp is None else ramp.iterations) == iterations
