# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

CONFIGS = Path(__file__).resolve().parents[2] / "bundles" / "diffanomaly" / "configs"
COMPARATORS = ["ddpm", "gradcam", "saliency", "vae"]


def merged(name: str) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([CONFIGS / "train.json", CONFIGS / f"{name}.json"])
    return parser


def strings(config: Any) -> Iterator[str]:
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from strings(value)
    if isinstance(config, str):
        yield config


@pytest.mark.parametrize("name", COMPARATORS)
def test_same_evaluation_in_files_of_its_own(name: str) -> None:
    default, parser = ConfigParser(), merged(name)
    default.read_config(CONFIGS / "train.json")
    for item in ("evaluate#test_dataset", "evaluate#validation_loader", "evaluate#test_loader", "volume_transforms"):
        assert parser[item] == default[item]
    assert "@ckpt_dir" not in parser["evaluate#report#threshold_file"]
    assert parser["output_dir"] != default["output_dir"] and parser["config_name"] == name
    assert parser["evaluate#report#method"]


@pytest.mark.parametrize("name", ["ddpm", "gradcam", "saliency"])
def test_trained_networks_are_used_as_they_are(name: str) -> None:
    assert merged(name)["run"] == [
        "$@evaluate#choose_threshold.run()",
        "$@evaluate#test.run()",
        "$@evaluate#report",
    ]


def test_vae_leaves_the_diffusion_model_alone() -> None:
    parser = merged("vae")
    # the overlay changes entries of lists by their place
    targets = [handler["_target_"].rsplit(".", 1)[-1] for handler in parser["train#handlers"]]
    assert targets[0] == "CheckpointLoader" and targets[6] == "TrainingState"
    for evaluator in ("choose_threshold", "test"):
        handlers = parser[f"evaluate#{evaluator}#val_handlers"]
        assert handlers[0]["_target_"] == "CheckpointLoader"
        assert handlers[2]["_target_"].endswith("ClassifierScore") and handlers[2]["_disabled_"]
    files = [text for text in strings(parser.get()) if "@ckpt_dir + " in text]
    assert {text.split("'")[1] for text in files} == {"/vae.pt", "/vae_state.pt"}


@pytest.mark.parametrize("name", ["gradcam", "saliency", "vae"])
def test_inferer_can_be_made(name: str) -> None:
    parser = merged(name)
    inferer = parser.get_parsed_content("translation")
    assert inferer.reconstructs == (name == "vae")
    if name == "gradcam":
        assert parser.get_parsed_content("network_def").classifier.get_submodule(inferer.layer)
    if name != "vae":
        assert inferer.divisor == 4
