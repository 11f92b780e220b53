# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The methods of the thesis' comparison share data, split and evaluation with DeScarGAN, and leave its files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import TINY_GAN
from monai_anomaly.evaluation import AnomalyMaps, load_cases
from monai_anomaly.networks.nets import DeformingGenerator

from .tiny_data import TINY_ELLIPSES
from .workflow import merged, train

TABLES = {
    "stargan": (1, 2),
    "fpgan": (1, 2),
    "vagan": (1,),
    "vae": (1,),
    "densenet169": (2,),
    "dcls": (2,),
    "cyclegan": (1,),
}
"""Name of each method, and in which tables of the thesis (ch. 6) it has a place, or would have one (CycleGAN)."""
STAR = {"network_def#discriminator#num_layers": 2, "network_def#discriminator#channels": 4}
TINY: dict[str, dict[str, Any]] = {
    "stargan": {**STAR, "network_def#generator#channels": 4, "network_def#generator#num_blocks": 1},
    "fpgan": {**STAR, "network_def#generator#channels": 4, "network_def#generator#num_blocks": 1},
    "vagan": {
        "network_def#generator#features": [4] * 6,
        "network_def#discriminator#channels": [4] * 5,
        "warmup": 0,
    },
    "cyclegan": {**STAR, "network_def#generator#channels": 4, "network_def#generator#num_blocks": 1, "warmup": 0},
    "vae": {"network_def#autoencoder#channels": [4] * 4},
    "densenet169": {},
    "dcls": {"network_def#network#channels": [4] * 5},
}
each_method = pytest.mark.parametrize("name", sorted(TABLES))


@each_method
def test_same_budget_and_evaluation_in_files_of_its_own(name: str) -> None:
    default, parser = merged("descargan", "train"), merged("descargan", "train", name)
    shared = ("evaluate", "validate#dataset", "volume_transforms", "train#dataset", "train#augmentation", "run")
    for item in (*shared, "train#handlers", "epochs", "batch_size", "n_critic"):
        assert parser[item] == default[item], item
    assert parser.get_parsed_content("config_name") == name
    assert parser.get_parsed_content("evaluate#report#method") == name
    assert parser.get_parsed_content("output_dir") == default.get_parsed_content("output_dir") + f"/{name}"
    for item, ending in (("model_file", f"/{name}.pt"), ("state_file", f"/{name}_state.pt")):
        assert parser.get_parsed_content(item).endswith(ending)
    assert parser.get_parsed_content("evaluate#report#threshold_file").endswith(f"eval/{name}/threshold.json")


@each_method
@pytest.mark.parametrize("overlay", ["thesis", "chest", "chexpert", "cxr64"])
def test_goes_after_the_overlays_of_the_data(name: str, overlay: str) -> None:
    """Nothing of DeScarGAN's own networks and losses is left."""
    alone, parser = merged("descargan", "train", name), merged("descargan", "train", overlay, name)
    assert parser["warmup"] == (0 if name in ("cyclegan", "vagan") else merged("descargan", "train", overlay)["warmup"])
    for item in ("network_def", "loss", "critic_loss", "state_objects", "train#trainer"):
        assert parser[item] == alone[item], item
    assert parser.get_parsed_content("output_dir").endswith(f"/eval/{overlay}/{name}")
    assert parser.get_parsed_content("config_name") == f"{overlay}_{name}"
    size = 64 if overlay in ("chest", "cxr64") else 256
    with torch.device("cpu" if name == "cyclegan" else "meta"):  # which finds the images of each class
        network = parser.get_parsed_content("network_def").eval()
        image = torch.empty(2, 1, size, size)
        result = network(image)
    result = result[0] if name == "vae" else result
    assert result.shape == ((2, 2) if TABLES[name] == (2,) else image.shape)


@pytest.mark.parametrize("name", ["cyclegan", "stargan", "fpgan", "vagan"])
def test_every_generator_may_move(name: str) -> None:
    """One option; files and name of its own; the head in place of the papers' one."""
    parser, plain = merged("descargan", "train", name), merged("descargan", "train", name)
    for config, moves in ((parser, True), (plain, False)):
        config.update({**TINY[name], "moves": moves})
    assert parser.get_parsed_content("config_name") == f"{name}_moves"
    assert parser.get_parsed_content("model_file").endswith(f"/{name}_moves.pt")
    generator, other = (c.get_parsed_content("network_def").generator for c in (parser, plain))
    assert isinstance(generator, DeformingGenerator) and not isinstance(other, DeformingGenerator)
    sizes = [sum(p.numel() for p in g.parameters()) for g in (generator, other)]
    assert 1 < sizes[0] / sizes[1] < 1.2
    image = 2 * torch.rand(2, 1, 32, 32) - 1
    assert 0 < (generator(image, torch.tensor([0, 1])) - image).abs().mean() < 0.05


def test_a_comparator_that_moves_trains(ellipses: Path, tmp_path: Path) -> None:
    tiny = {**{k: v for k, v in TINY_ELLIPSES.items() if k not in TINY_GAN}, **TINY["fpgan"]}
    options = {"loss#lambda_smooth": 1.0, "loss#lambda_sparse": 1.0, "loss#adversarial": "relativistic"}
    train("descargan", tmp_path, "fpgan", dataset_dir=str(ellipses), moves=True, **tiny, **options)
    assert (tmp_path / "models" / "fpgan_moves.pt").is_file()
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert "fpgan_moves" in report["parts"]["all"]["methods"]


@each_method
def test_trains_and_reports(name: str, ellipses: Path, tmp_path: Path) -> None:
    tiny = {**{k: v for k, v in TINY_ELLIPSES.items() if k not in TINY_GAN}, **TINY[name]}
    train("descargan", tmp_path, name, dataset_dir=str(ellipses), **tiny)
    files = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert files == [f"{name}.json", f"{name}.pt", f"{name}_state.pt"]
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    first, own = next(iter(report["parts"]["all"]["methods"].items()))
    reconstructs, classifies = 1 in TABLES[name], 2 in TABLES[name]
    assert first == name and (tmp_path / "eval" / "panel.png").exists() == reconstructs
    assert ("dice_oracle" in own) == ("change_healthy" in own) == reconstructs
    for score in ("accuracy", "kappa", "auroc"):
        assert (f"image_{score}_classifier" in own) == classifies
    cases = load_cases(tmp_path / "eval" / "cases.npz", AnomalyMaps.schema)
    assert len(cases) == 8 and cases.has("map") == reconstructs
    record = json.loads((tmp_path / "eval" / "training.json").read_text(encoding="utf-8"))
    assert record["iterations"] == 4  # also of the autoencoder, which takes the healthy half alone


def test_losses_are_those_of_the_papers() -> None:
    weights = {name: merged("descargan", "train", name) for name in ("stargan", "fpgan", "vagan")}
    terms = ("adv", "cls", "rec", "id", "change")
    generator = {name: tuple(parser[f"loss#lambda_{term}"] for term in terms) for name, parser in weights.items()}
    assert generator == {"stargan": (1, 1, 10, 0, 0), "fpgan": (1, 1, 10, 10, 0), "vagan": (1, 0, 0, 0, 100)}
    critic = {n: tuple(p[f"critic_loss#lambda_{term}"] for term in ("adv", "gp", "cls")) for n, p in weights.items()}
    # more than the papers' 1 for the class, as in the default, so that the classifier learns it in so short a training
    assert critic == {"stargan": (1, 10, 20), "fpgan": (1, 10, 20), "vagan": (1, 10, 0)}
    default = merged("descargan", "train")
    assert (default["critic_loss#lambda_adv"], default["critic_loss#lambda_cls"]) == (1, 20)
    assert [p["warmup"] for p in (default, *weights.values())] == [500, 500, 500, 0]
    assert [parser["loss#judge_identity"] for parser in weights.values()] == [False, True, False]
    for parser in weights.values():
        assert parser["loss#targets"] == parser["critic_loss#targets"]


def test_cyclegan_is_that_of_the_paper() -> None:
    """Zhu et al.: cycle 10, identity half of it, least squares without a penalty, networks for each direction."""
    parser = merged("descargan", "train", "cyclegan")
    weights = {name: parser[f"loss#lambda_{name}"] for name in ("adv", "rec", "id", "cls", "change")}
    assert weights == {"adv": 1, "rec": 10, "id": 5, "cls": 0, "change": 0}
    assert [parser[f"critic_loss#lambda_{name}"] for name in ("adv", "gp", "cls")] == [1, 0, 0]
    for loss in ("loss", "critic_loss"):
        assert (parser[f"{loss}#adversarial"], parser[f"{loss}#targets"]) == ("least_squares", "opposite")
    network = parser.get_parsed_content("network_def")
    assert len(network.generator.generators) == len(network.discriminator.critics) == 2
    sizes = [sum(p.numel() for p in part.parameters()) for part in (network.generator, network.discriminator)]
    assert sizes == [759488, 84706]


@pytest.mark.parametrize("names", [("vae",), ("cxr64", "vae")])
def test_autoencoder_on_many_gpus_samples_the_healthy_images(names: tuple[str, ...]) -> None:
    parser = merged("descargan", "train", *names, "multi_gpu_train")
    parser.set([0, 3, 6, 9], "train#healthy")
    parser.set(list(range(10)), "train#dataset")
    parser["train#sampler"].update(num_replicas=2, rank=0)
    loader = parser.get_parsed_content("train#dataloader")
    assert loader.sampler is parser.get_parsed_content("train#sampler")
    assert len(loader.dataset) == 8 and set(loader.sampler) <= set(range(8)) and len(loader.sampler) == 4
