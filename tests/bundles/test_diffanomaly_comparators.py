# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anomaly.apps.zoo.tiny_networks import TINY_DIFFUSION
from monai_anomaly.data import write_phantom
from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.handlers import ClassifierProbability, WeightsLoader
from monai_anomaly.networks.nets import GuidedDiffusionNet

from .tiny_data import PHANTOM, TINY_TRAINING
from .workflow import merged, train

COMPARATORS = ["ae", "anoddpm", "ddpm", "gradcam", "saliency", "vae"]
HEALTHY_ONLY = ["ae", "anoddpm", "vae"]
"""Trained on healthy slices alone, in files of their own."""


@pytest.fixture(scope="module")
def phantom_of_both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny phantom with people who are healthy, and others."""
    folder: Path = tmp_path_factory.mktemp("data") / "phantom"
    write_phantom(folder, progress=False, **(PHANTOM | {"healthy_fraction": 0.6, "counterfactuals": []}))
    return folder


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


@pytest.mark.parametrize(
    ("name", "model"), [("ddpm", "model"), ("gradcam", "model"), *zip(HEALTHY_ONLY, HEALTHY_ONLY, strict=True)]
)
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


@pytest.mark.parametrize("name", HEALTHY_ONLY)
def test_healthy_only_leaves_the_diffusion_model_alone(name: str) -> None:
    parser = with_overlays(name)
    for evaluator in ("validation", "test"):
        loader, *others = parser.get_parsed_content(f"evaluate#{evaluator}#val_handlers")
        assert isinstance(loader, WeightsLoader) and loader.load_path.name == f"{name}.pt"
        assert not any(isinstance(handler, ClassifierProbability) for handler in others)
    (state,) = (h for h in parser["train#handlers"] if h["_target_"].endswith("TrainingState"))
    assert (state["path"], state["best_path"]) == ("@state_file", "@model_file")
    assert parser.get_parsed_content("state_file").endswith(f"/trained/{name}_state.pt")
    files = [text for text in strings(parser.get()) if "@ckpt_dir" in text]
    assert len(files) == 3, files  # and the threshold, which goes elsewhere


@pytest.mark.parametrize("name", HEALTHY_ONLY)
@pytest.mark.parametrize("section", ["train", "validate"])
def test_healthy_only_on_many_gpus_samples_the_healthy_slices(section: str, name: str) -> None:
    parser = with_overlays(name, "multi_gpu_train")
    parser.set(list(range(10)), f"{section}#dataset")
    parser.set([0, 3, 6, 9], f"{section}#healthy")
    parser[f"{section}#sampler"].update(num_replicas=2, rank=0)
    loader = parser.get_parsed_content(f"{section}#dataloader")
    assert loader.sampler is parser.get_parsed_content(f"{section}#sampler")
    assert len(loader.sampler) == 2 and set(loader.sampler) <= set(range(4))


@pytest.mark.parametrize("name", ["ae", "gradcam", "saliency", "vae"])
def test_inferer_can_be_made(name: str) -> None:
    parser = with_overlays(name)
    inferer = parser.get_parsed_content("inferer")
    assert inferer.fields == (("map", "reconstruction") if name in HEALTHY_ONLY else ("map",))
    if name == "gradcam":
        assert parser.get_parsed_content("network_def").classifier.members[0].get_submodule(inferer.layer)
    if name not in HEALTHY_ONLY:
        assert inferer.divisor == 4


def test_codes_of_the_autoencoders() -> None:
    """A plain one has about as many numbers as the variational one; both have an image of the input's size."""
    image = torch.rand(2, 4, 56, 64)
    ae, vae = (with_overlays(name).get_parsed_content("network_def").eval() for name in ("ae", "vae"))
    assert ae.encode(image).shape == (2, 2, 7, 8) and vae(image)[1].shape == (2, 128)
    assert ae(image).shape == vae(image)[0].shape == image.shape
    assert [sum(p.numel() for p in network.parameters()) for network in (ae, vae)] == [124339, 1501931]


def test_anoddpm_knows_no_class() -> None:
    """What is left of the default is its diffusion network, untold of classes and unguided."""
    parser, default = with_overlays("anoddpm"), with_overlays()
    network, usual = (p.get_parsed_content("network_def") for p in (parser, default))
    assert not network.tasks and not network.conditional
    difference = {name for name, _ in usual.diffusion.named_parameters()} ^ {
        name for name, _ in network.diffusion.named_parameters()
    }
    assert difference == {"class_embedding.weight"}
    assert sum(p.numel() for p in network.parameters()) == 1226504
    assert parser.get_parsed_content("inferer").guides == ({},)
    batch = {"image": torch.rand(2, 4, 8, 8), "label": torch.tensor([0, 0])}
    assert set(parser.get_parsed_content("train#prepare_batch")(batch)[3]) == {"timesteps"}


class IdealDenoiser(torch.nn.Module):
    """Of images of standard normal pixels: eps is what is to be expected of it given x."""

    def __init__(self, schedule: NoiseSchedule) -> None:
        super().__init__()
        self.schedule = schedule

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        return (1 - self.schedule.alpha_bar(int(timesteps[0]) + 1)) ** 0.5 * x


@pytest.mark.parametrize("level", [1, 50, 250, 500, 1000])
def test_partial_noising_keeps_less_of_an_image_the_higher_it_goes(level: int) -> None:
    """Image and sample of one noisy image have the correlation abar: all of it is kept near level 0, none at T."""
    parser = with_overlays("anoddpm")
    parser["inferer#scheme#level"] = level
    inferer = parser.get_parsed_content("inferer")
    schedule = inferer.scheme.schedule
    image = torch.randn(2, 4, 56, 64, generator=torch.Generator().manual_seed(0))
    found = inferer(image, GuidedDiffusionNet(IdealDenoiser(schedule)).eval())["reconstruction"]
    kept = torch.corrcoef(torch.stack([image.flatten(), found.flatten()]))[0, 1]
    assert kept.item() == pytest.approx(schedule.alpha_bar(level), abs=0.03)
    again = inferer(image, GuidedDiffusionNet(IdealDenoiser(schedule)).eval())["reconstruction"]
    assert torch.equal(found, again)  # the noise is that of the seed


@pytest.mark.parametrize("name", HEALTHY_ONLY)
def test_trains_on_healthy_slices_and_reports(name: str, phantom_of_both: Path, tmp_path: Path) -> None:
    options = {**TINY_DIFFUSION, "inferer#scheme#steps": 2} if name == "anoddpm" else {}
    train("diffanomaly", tmp_path, name, dataset_dir=str(phantom_of_both), **TINY_TRAINING, **options)
    assert (tmp_path / "models" / f"{name}.pt").is_file()
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    first, own = next(iter(report["parts"]["all"]["methods"].items()))
    assert first == name and "change_healthy" in own and "image_auroc_classifier" not in own
