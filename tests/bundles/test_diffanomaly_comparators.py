# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from monai_anomaly.data import write_phantom
from monai_anomaly.handlers import ClassifierProbability, WeightsLoader

from .tiny_data import PHANTOM, TINY_TRAINING
from .workflow import merged, train

COMPARATORS = ["ddpm", "gradcam", "saliency", "vae"]


def with_overlays(*names: str) -> ConfigParser:
    return merged("diffanomaly", "train", *names)


def strings(config: Any) -> Iterator[str]:
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        yield from strings(value)
    if isinstance(config, str):
        yield config


@pytest.mark.parametrize("name", COMPARATORS)
def test_same_evaluation_in_files_of_its_own(name: str) -> None:
    default, parser = with_overlays(), with_overlays(name)
    for item in ("evaluate#test_dataset", "evaluate#validation_loader", "evaluate#test_loader", "volume_transforms"):
        assert parser[item] == default[item]
    assert parser.get_parsed_content("output_dir").endswith(f"/eval/{name}")
    assert parser.get_parsed_content("threshold_file").endswith(f"/eval/{name}/threshold.json")
    assert parser.get_parsed_content("config_name") == name and parser["evaluate#report#method"]


@pytest.mark.parametrize(("name", "model"), [("ddpm", "model"), ("gradcam", "model"), ("vae", "vae")])
def test_of_another_training_too(name: str, model: str) -> None:
    """A comparator goes with the weights of the overlay before it, or beside them."""
    parser = with_overlays("long", name)
    assert parser.get_parsed_content("model_file").endswith(f"/trained/long/{model}.pt")
    assert parser.get_parsed_content("threshold_file").endswith(f"/eval/long/{name}/threshold.json")
    assert parser.get_parsed_content("config_name") == f"long_{name}"


@pytest.mark.parametrize("name", ["ddpm", "gradcam", "saliency"])
def test_trained_networks_are_used_unchanged(name: str) -> None:
    assert with_overlays(name)["run"] == [
        "$@evaluate#validation.run()",
        "$@evaluate#test.run()",
        "$@evaluate#report",
    ]


def test_vae_leaves_the_diffusion_model_alone() -> None:
    parser = with_overlays("vae")
    for evaluator in ("validation", "test"):
        loader, *others = parser.get_parsed_content(f"evaluate#{evaluator}#val_handlers")
        assert isinstance(loader, WeightsLoader) and loader.load_path.name == "vae.pt"
        assert not any(isinstance(handler, ClassifierProbability) for handler in others)
    (state,) = (h for h in parser["train#handlers"] if h["_target_"].endswith("TrainingState"))
    assert (state["path"], state["best_path"]) == ("@state_file", "@model_file")
    assert parser.get_parsed_content("state_file").endswith("/trained/vae_state.pt")
    files = [text for text in strings(parser.get()) if "@ckpt_dir" in text]
    assert len(files) == 3, files  # and the threshold, which goes elsewhere


@pytest.mark.parametrize("section", ["train", "validate"])
def test_vae_on_many_gpus_samples_the_healthy_slices(section: str) -> None:
    parser = with_overlays("vae", "multi_gpu_train")
    parser.set(list(range(10)), f"{section}#dataset")
    parser.set([0, 3, 6, 9], f"{section}#healthy")
    parser[f"{section}#sampler"].update(num_replicas=2, rank=0)
    loader = parser.get_parsed_content(f"{section}#dataloader")
    assert loader.sampler is parser.get_parsed_content(f"{section}#sampler")
    assert len(loader.sampler) == 2 and set(loader.sampler) <= set(range(4))


@pytest.mark.parametrize("name", ["gradcam", "saliency", "vae"])
def test_inferer_can_be_made(name: str) -> None:
    parser = with_overlays(name)
    inferer = parser.get_parsed_content("inferer")
    assert inferer.fields == (("map", "reconstruction") if name == "vae" else ("map",))
    if name == "gradcam":
        assert parser.get_parsed_content("network_def").classifier.members[0].get_submodule(inferer.layer)
    if name != "vae":
        assert inferer.divisor == 4


def test_vae_trains(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_phantom(data, progress=False, **(PHANTOM | {"healthy_fraction": 0.6, "counterfactuals": []}))
    train("diffanomaly", tmp_path, "vae", dataset_dir=str(data), **TINY_TRAINING, run=["$@train#trainer.run()"])
    assert (tmp_path / "models" / "vae.pt").is_file()
