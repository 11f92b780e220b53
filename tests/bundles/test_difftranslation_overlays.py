# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlays say what the thesis says, keep their files apart, and train on nobody who is tested."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_anomaly.diffusion import AreaGuidance, RegressionGuidance, ResizeGuidance, SegmentationGuidance

from .workflow import merged

EVALUATE = ["$@evaluate#evaluator.run()", "$@evaluate#report"]


def content(item: str, *names: str) -> Any:
    return merged("difftranslation", "train", *names).get_parsed_content(item)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        # the thesis names the number of the diffusion network for the segmenter too, which has no variance and no class
        ("thesis", {"diffusion": 113_681_160, "size": 5_452_833, "tumor": 113_672_065}),
        ("faces", {"diffusion": 85_606_150, "age": 67_061_121}),
    ],
)
def test_networks_have_the_numbers_of_parameters_of_the_thesis(name: str, counts: dict[str, int]) -> None:
    with torch.device("meta"):  # no memory
        network = content("network_def", name)
    assert {part: sum(p.numel() for p in module.parameters()) for part, module in network.named_children()} == counts


@pytest.mark.parametrize(("name", "scales"), [("thesis", {"size": 1000, "tumor": 5}), ("faces", {"age": 5})])
def test_the_thesis_translates_by_every_level_of_400(name: str, scales: dict[str, float]) -> None:
    inferer = content("inferer", name)
    scheme, guides = inferer.scheme, inferer.guides[0]
    assert scheme.grid == tuple(range(401)) and (scheme.order, scheme.exact, scheme.substeps) == (1, False, 1)
    assert {task: guide.scale for task, guide in guides.items()} == scales
    for task, guide in guides.items():
        assert type(guide) is (SegmentationGuidance if task == "tumor" else RegressionGuidance)
    assert "tumor" not in guides or guides["tumor"].reduction == "mean"


@pytest.mark.parametrize("name", ["thesis", "faces"])
def test_inference_translates_as_the_evaluation(name: str) -> None:
    """To a target, which the evaluation gets with the images."""
    inference = merged("difftranslation", "inference", f"inference_{name}")
    inference.update({"displayable_configs#target_size": 0.1})
    one, other = content("inferer", name), inference.get_parsed_content("inferer")
    shared = set(one.guides[0]) & set(other.guides[0])
    for scheme in (one.scheme, other.scheme):
        del scheme.schedule
    assert vars(one.scheme) == vars(other.scheme) and (one.divisor, one.num_maps) == (other.divisor, other.num_maps)
    assert shared
    for guide in shared:
        mine, theirs = (vars(made.guides[0][guide]) | {"target": None} for made in (one, other))
        assert mine == theirs


@pytest.mark.parametrize(("name", "iterations"), [("thesis", 50_000), ("faces", 500_000)])
def test_the_thesis_trains_for_its_iterations(name: str, iterations: int) -> None:
    parser = merged("difftranslation", "train", name)
    parser.set([0] * 1620, "train#dataloader")  # 16,205 slices, 10 at a time
    assert parser.get_parsed_content("epochs") == pytest.approx(iterations / 1620, abs=0.5)
    assert parser["batch_size"] == 10 and parser["learning_rate"] == parser["task_learning_rate"] == 1e-4


@pytest.mark.parametrize(("name", "guide"), [("regressor", RegressionGuidance), ("area", AreaGuidance)])
def test_guides_of_the_same_networks_have_files_of_their_own(name: str, guide: type) -> None:
    default, parser = (merged("difftranslation", "train", *names) for names in ((), (name,)))
    assert parser["run"] == EVALUATE and parser["inferer#scheme"] == default["inferer#scheme"]
    assert parser.get_parsed_content("model_file") == f"{default.get_parsed_content('weights_dir')}/model.pt"
    assert type(parser.get_parsed_content("inferer").guides[0]["size"]) is guide
    for names, folder in (((name,), name), (("sizes", name), f"sizes/{name}"), ((name, "sizes"), f"sizes/{name}")):
        assert content("output_dir", *names).endswith(f"/eval/{folder}")
        assert content("config_name", *names) == folder.replace("/", "_")


def test_sizes_are_asked_of_test_people() -> None:
    parser = merged("difftranslation", "train", "sizes")
    assert parser["test_section"] == "test" and parser["run"] == EVALUATE
    assert parser.get_parsed_content("output_dir").endswith("/eval/sizes")
    assert content("output_dir", "thesis", "sizes").endswith("/eval/thesis/sizes")


def test_the_segmenter_learns_from_the_training_section_alone() -> None:
    parser = merged("difftranslation", "train", "segmenter")
    for part, section in (("train", "training"), ("validate", "validation")):
        assert parser[f"{part}#dataset#data#section"] == section
    assert parser["run"] == ["$@train#trainer.run()"]
    assert parser.get_parsed_content("model_file") == content("segmenter_file")
    assert parser.get_parsed_content("state_file") != content("state_file")
    network = parser.get_parsed_content("network_def")
    judge = content("segmenter")
    assert {k: v.shape for k, v in network.state_dict().items()} == {k: v.shape for k, v in judge.state_dict().items()}


def test_the_default_guide_of_a_size_is_its_mask() -> None:
    assert type(content("inferer").guides[0]["size"]) is ResizeGuidance
