# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlays say what the paper says, and those of inference translate as those of training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_anomaly.engines import NoisyPrepareBatch

from .test_bundle_overlays import OVERLAYS, pair
from .workflow import merged

each_overlay = pytest.mark.parametrize("name", [name for bundle, name in OVERLAYS if bundle == "diffanomaly"])


@each_overlay
def test_inference_translates_as_the_evaluation(name: str) -> None:
    train, inference = pair("diffanomaly", name)
    options = inference["displayable_configs"]

    def shown(entries: dict[str, Any]) -> dict[str, Any]:
        return {k: options[v.split("#")[1]] if str(v).startswith("@displayable") else v for k, v in entries.items()}

    ours = shown({k: v for k, v in inference["inferer"].items() if k not in ("progress", "autocast", "slice_range")})
    resampling = shown({k: v for k, v in ours["refinement"].items() if k != "_disabled_"})
    ours["refinement"] = None if options["resampling"] is None else resampling
    guide = {k: v for k, v in inference["guide"].items() if k != "_mode_"}
    ours["guides"] = {"classifier": shown({**guide, "scale": options["scale"]})}
    ours["scheme"] = shown(ours["scheme"])
    assert ours == {**train["inferer"], "border": train["border"]}
    one, other = (parser.get_parsed_content("inferer").guides[0]["classifier"] for parser in (train, inference))
    assert vars(one) == vars(other)


@pytest.mark.parametrize(("name", "ours"), [("long", True), ("cxr64", False), ("thesis", False), ("chexpert", False)])
def test_the_long_run_alone_mirrors_and_resamples(name: str, ours: bool) -> None:
    train, inference = pair("diffanomaly", name)
    for inferer in (train.get_parsed_content("inferer"), inference.get_parsed_content("inferer")):
        assert inferer.views == (2 if ours else 1)
        assert (inferer.refinement.threshold if inferer.refinement else None) == (0.025 if ours else None)
        assert inferer.anomaly_map.weights == ((0, 0, 0.5, 0.5) if ours else None)


def test_the_comparator_is_the_papers_own() -> None:
    ddpm = merged("diffanomaly", "train", "ddpm").get_parsed_content("inferer")
    assert ddpm.views == 1 and ddpm.refinement is None and ddpm.scheme.label_scale == 0


@pytest.mark.parametrize(
    ("name", "diffusion", "classifier"), [("thesis", 113_681_160, 5_452_962), ("chexpert", 113_670_786, 5_452_098)]
)
def test_networks_have_the_papers_numbers_of_parameters(name: str, diffusion: int, classifier: int) -> None:
    with torch.device("meta"):  # no memory
        network = merged("diffanomaly", "inference", f"inference_{name}").get_parsed_content("network_def")
    counts = [sum(p.numel() for p in part.parameters()) for part in (network.diffusion, network.classifier)]
    assert counts == [diffusion, classifier]


@pytest.mark.parametrize(
    ("names", "iterations"),
    [((), 28), (("long",), 15), (("cxr64",), 240), (("thesis",), 0), (("chexpert",), 0), (("vae",), 0)],
)
def test_the_classifier_has_a_ramp_where_it_is_asked_for(names: tuple[str, ...], iterations: int) -> None:
    parser = merged("diffanomaly", "train", *names)
    parser.set([0] * 10, "train#dataloader")
    parser.set(NoisyPrepareBatch(), "train#prepare_batch")
    (place,) = (i for i, h in enumerate(parser["train#handlers"]) if h["_target_"].endswith(".LevelRamp"))
    ramp = parser.get_parsed_content(f"train#handlers#{place}")
    assert (0 if ramp is None else ramp.iterations) == iterations
