# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The methods of thesis ch. 9 as overlays: what learns from which loss, and that each trains and reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from monai_anomaly.benchmarks.table_plan import TablePlan
from monai_anomaly.evaluation import SiteClassification, load_cases

from .tiny_data import TINY_SITES
from .workflow import PLANS, configs, merged, train

NAME = "l2i_classification"
E, C, CENTERS, HEAD = "encoder", "classifier", "centers", "head"
LEARNS: dict[str | None, dict[str, set[str]]] = {
    None: {"class": {C}, "center": {E, CENTERS}, "latent": {E}},
    "no_margin": {"class": {C}, "center": {E, CENTERS}, "latent": {E}},
    "fixed": {"class": {C}, "center": {E}, "latent": {E}},
    "vanilla": {"class": {E, C}},
    "class_aware": {"class": {E, C}},
    "weighted": {"class": {E, C}},
    "histogram": {"class": {E, C}},
    "group_dro": {"class": {E, C}},
    "dann": {"class": {E, C}, "domain": {E, HEAD}},
    "unlearning": {"class": {E, C}, "confusion": {E, HEAD}},
    "contrastive": {"class": {C}, "contrastive": {E}},
    "can": {"class": {E, C}, "discrepancy": {E}},
    "coral": {"class": {E, C}, "correlation": {E}},
}
"""The terms of each method's loss, and what learns from each."""
METHODS = [name for name in LEARNS if name]
CLASS_AWARE = {"class_aware", "dann", "unlearning", "contrastive", "can", "coral", "group_dro"}
each_method = pytest.mark.parametrize("name", METHODS)


def names(method: str | None) -> list[str]:
    return [method] if method else []


def test_every_overlay_is_in_this_table_and_short() -> None:
    others = {
        "train",
        "evaluate",
        "multi_gpu_train",
        "metadata",
        "published",
        "thesis",
        "laterality",
        "target_only",
        *PLANS,
    }
    files = {path.stem: path for path in configs(NAME).glob("*.json") if not path.stem.startswith("inference")}
    assert set(files) - others == set(METHODS)
    for name in (*METHODS, "target_only"):
        assert len(files[name].read_text(encoding="utf-8").splitlines()) <= 25, name


@pytest.mark.parametrize("method", LEARNS)
def test_what_learns_from_each_term(method: str | None, sites: Path, slices: str) -> None:
    """Eq. 1 of the thesis for L2I; everything that learns is in the optimizer."""
    parser = merged(NAME, "train", *names(method))
    parser.update({**TINY_SITES, "dataset_dir": str(sites), "cache_dir": slices, "device": torch.device("cpu")})
    network, loss = parser.get_parsed_content("network"), parser.get_parsed_content("loss")
    batch = next(iter(parser.get_parsed_content("train#dataloader")))
    image, targets = parser.get_parsed_content("train#prepare_batch")(batch)
    output = network(image, details=True)
    if method == "can":
        loss.terms["discrepancy"].cluster(output["latent"], targets)
        loss.terms["discrepancy"].used.fill_(True)  # however few images there are
    learns = {}
    for term, cost in loss.terms.items():
        network.zero_grad()
        loss.zero_grad()
        cost(output, targets).backward(retain_graph=True)
        learns[term] = {part for part, module in _parts(network, loss).items() if _has_gradient(module)}
    assert learns == LEARNS[method]
    optimized = {id(p) for group in parser.get_parsed_content("optimizer").param_groups for p in group["params"]}
    assert optimized == {id(p) for p in (*network.parameters(), *loss.parameters())}


def _parts(network: Any, loss: nn.Module) -> dict[str, list[torch.Tensor]]:
    parts = {E: list(network.encoder.parameters()), C: list(network.classifier.parameters())}
    return {**parts, CENTERS: [network.centers], HEAD: list(loss.parameters())}


def _has_gradient(tensors: list[torch.Tensor]) -> bool:
    return any(t.grad is not None and bool(t.grad.any()) for t in tensors)


@each_method
def test_same_data_budget_and_evaluation_in_files_of_its_own(name: str) -> None:
    default, parser = merged(NAME, "train"), merged(NAME, "train", name)
    shared = ("train#dataset", "train#augmentation", "train#handlers", "validate", "evaluate", "epochs", "optimizer")
    for item in (*shared, "network_def#encoder", "learning_rate", "load_samples", "volume_dataset", "run"):
        assert parser[item] == default[item], item
    aware = "@train#class_aware_batches" if name in CLASS_AWARE else "@train#anchor_batches"
    assert parser["train#batch_sampler"] == aware
    for entry, ending in (("model_file", f"trained/{name}.pt"), ("state_file", f"trained/{name}_state.pt")):
        assert parser.get_parsed_content(entry).endswith(ending)
    assert parser.get_parsed_content("output_dir").endswith(f"eval/{name}")
    assert parser.get_parsed_content("config_name") == parser.get_parsed_content("evaluate#report#method") == name


def test_target_only_goes_with_any_method() -> None:
    for name in (None, "vanilla"):
        parser = merged(NAME, "train", *names(name), "target_only")
        file = "_".join([*names(name), "target_only"])
        assert parser.get_parsed_content("training_sites") == ("A",)
        assert parser.get_parsed_content("model_file").endswith(f"trained/{file}.pt")
        assert parser.get_parsed_content("evaluate#report#method") == file


@pytest.mark.parametrize("method", [*METHODS, "vanilla target_only", "class_aware target_only", "weighted target_only"])
def test_trains_and_reports(method: str, sites: Path, slices: str, tmp_path: Path) -> None:
    name = method.replace(" ", "_")
    options = {**TINY_SITES, "dataset_dir": str(sites), "cache_dir": slices}
    if "target_only" in method:
        options["images"] = 8
    train(NAME, tmp_path, *method.split(), **options)
    assert {path.name for path in (tmp_path / "models").iterdir()} == {f"{name}.json", f"{name}.pt", f"{name}_state.pt"}
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert {"all", "target", "source", "A", "B", "C", "D"} == set(report["parts"])
    for part, number in (("all", 10), ("target", 4), ("source", 6)):
        found = report["parts"][part]["methods"]
        assert next(iter(found)) == name and found[name]["accuracy"]["n"] == number
    record = json.loads((tmp_path / "eval" / "training.json").read_text(encoding="utf-8"))
    assert record["epochs"] == 1 and record["parameters"] > 0
    cases = load_cases(tmp_path / "eval" / "cases.npz", SiteClassification.schema)
    assert cases.has("latent") and len(cases) == 10
    data = report["provenance"]["model"]["training"]["data"]["training"]
    assert set(data["sites"]) == ({"A"} if "target_only" in method else set("ABCD"))


def test_histograms_become_equal_within_the_brain(sites: Path) -> None:
    """Whatever the scanner, about a tenth of the brain is in each tenth of the range; around it all stays 0."""
    options = {**TINY_SITES, "dataset_dir": str(sites)}
    spread = {}
    for overlay in ([], ["histogram"]):
        parser = merged(NAME, "train", *overlay)
        parser.update(options)
        dataset = parser.get_parsed_content("validate#dataset")
        brains = [image[image > 0] for image in (dataset[i]["image"] for i in range(len(dataset)))]
        shares = torch.stack([torch.histc(brain, 10, 0, 1) / len(brain) for brain in brains])
        spread[bool(overlay)] = float((shares - 0.1).abs().max())
    assert spread[True] < 0.05 < spread[False]


@pytest.mark.parametrize("variant", [None, "laterality"])
@pytest.mark.parametrize("methods", [(), ("histogram",), ("histogram", "target_only"), ("vanilla", "target_only")])
def test_inference_prepares_an_image_as_the_training_did(
    sites: Path, methods: tuple[str, ...], variant: str | None
) -> None:
    """A method is named to the inference, and must not be given images that it was not trained on."""
    options = {**TINY_SITES, "dataset_dir": str(sites)}
    train = merged(NAME, "train", *names(variant), *methods)
    train.update({**options, "target_site": "A"})
    sample = train.get_parsed_content("validate#dataset#data")[0]
    inference = merged(NAME, "inference", *([f"inference_{variant}"] if variant else []))
    method = "_".join(methods) or None
    inference.update({**{key: TINY_SITES[key] for key in TINY_SITES if key in inference}, "method": method})
    file = Path(train.get_parsed_content("model_file")).name
    assert Path(inference.get_parsed_content("model_file")) == Path(train.get_parsed_content("weights_dir"), file)
    expected = train.get_parsed_content("validate#preprocessing")(sample)["image"]
    found = inference.get_parsed_content("preprocessing")({"image": sample["image"]})["image"]
    torch.testing.assert_close(found.as_tensor(), expected.as_tensor())
    brain = expected[expected > 0]
    assert (torch.histc(brain, 5, 0, 1) / len(brain) - 0.2).abs().max() < 0.08 or "histogram" not in methods


def test_batches_of_more_groups_than_images_hold_one_of_each(sites: Path, slices: str) -> None:
    parser = merged(NAME, "train", "class_aware")
    parser.update({**TINY_SITES, "dataset_dir": str(sites), "cache_dir": slices, "images": 2})
    assert all(len(batch) == 5 for batch in parser.get_parsed_content("train#batch_sampler"))


def test_plans_name_every_method_and_can_be_read() -> None:
    rows = {plan: TablePlan.read(configs(NAME) / f"{plan}.json", {}).rows for plan in PLANS}
    used = {Path(file).stem for row in rows["table"].values() for file in row.config}
    assert used == {"train", "target_only", *METHODS}
    for name, row in rows["table_thesis"].items():
        first = [Path(file).stem for file in rows["table"][name].config]
        assert [Path(file).stem for file in row.config] == ["train", "published", "thesis", *first[1:]]
    thesis = json.loads((configs(NAME) / "table_thesis.json").read_text(encoding="utf-8"))
    assert thesis["splits"] == 10


def test_setting_of_the_thesis() -> None:
    parser = merged(NAME, "train", "thesis")
    with torch.device("meta"):
        network = parser.get_parsed_content("network_def")
        image = torch.empty(1, 1, *parser["spatial_size"])
        assert network(image).shape == (1, 2) and network.encoder.features(image).shape == (1, 1792, 2, 2, 4)
    assert sum(p.numel() for p in network.parameters()) == 36_431_842
    published = {
        "spatial_size": [124, 120, 172],
        "anchors": 1,
        "learning_rate": 5e-5,
        "center_learning_rate": 1e-4,
        "weight_decay": 5e-5,
        "optimizer#betas": [0.9, 0.999],
        "weights": {"center": 100.0, "latent": 1.0},
        "margin": 1.9,
        "radius": 0.1,
        "patience": 20,
        "latent_dim": 128,
    }
    assert {key: parser[key] for key in published} == published
    assert parser.get_parsed_content("batch_size") == 10  # without the anchors
    assert (parser["intensity#lower"], parser["intensity#upper"]) == (2.0, 98.0)
    margins = {name: merged(NAME, "train", "thesis", name) for name in ("no_margin", "fixed", "vanilla")}
    assert (margins["no_margin"]["margin"], margins["no_margin"]["radius"]) == (2.0, 0.0)
    assert margins["fixed"]["weights"] == published["weights"] and not margins["vanilla"]["weights"]
    for name, overlay in margins.items():
        assert overlay.get_parsed_content("output_dir").endswith(f"eval/thesis/{name}")
