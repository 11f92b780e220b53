# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The overlay of the thesis says what the paper says, and inferences segment as the evaluations."""

from __future__ import annotations

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.losses import HybridDiffusionLoss

from .test_bundle_overlays import OVERLAYS, pair
from .workflow import merged

PAPER_SLICES = 16_298  # training slices in the paper
PAPER_PARAMETERS = 113_674_370
OWN = {"keep_samples", "autocast", "progress", "slice_range", "batch_size"}
"""Arguments in which an inference may differ: what is kept, speed, memory, and slices that the data set chooses."""


@pytest.fixture
def thesis() -> ConfigParser:
    return merged("diffseg", "train", "thesis")


@pytest.mark.parametrize("name", [None, *(name for bundle, name in OVERLAYS if bundle == "diffseg")])
def test_inference_segments_as_the_evaluation(name: str | None) -> None:
    default = merged("diffseg", "train"), merged("diffseg", "inference")
    train, inference = default if name is None else pair("diffseg", name)
    shown = inference["displayable_configs"]
    ours = {k: shown[v.split("#")[1]] if "displayable" in str(v) else v for k, v in inference["inferer"].items()}
    theirs = train["inferer"]
    assert {k: v for k, v in ours.items() if k not in OWN} == {k: v for k, v in theirs.items() if k not in OWN}
    for item in ("prediction", "mask_range", "seed"):
        assert train[item] == inference[item], item
    given = train["task"].get("mean_threshold")  # what the evaluation puts on the mean, or what it chooses
    assert shown["threshold"] == ("auto" if given in (None, "expected_dice") else given)


def test_data_are_those_of_the_paper(thesis: ConfigParser) -> None:
    assert thesis["spatial_size"] == [224, 224] and thesis["channel_names"] == ["t1", "t1ce", "t2", "flair"]
    assert set(thesis["pixdim"]) == {-1.0}  # the pixels as they are
    assert thesis["slice_range"] == [80, 155 - 26] and thesis["min_lesion_pixels"] == 1 and thesis["test_step"] == 1
    assert thesis.get_parsed_content("encoding").kind == "binary" and thesis["mask_range"] == [0, 1]
    intensity = thesis.get_parsed_content("intensity").scale
    assert (intensity.mode, intensity.lower, intensity.upper) == ("percentile", 1, 99)
    assert (intensity.b_min, intensity.b_max) == (0, 1)


def test_training_is_that_of_the_paper(thesis: ConfigParser) -> None:
    assert thesis["batch_size"] == 10 and thesis["learning_rate"] == 1e-4 and thesis["ema_decay"] == 0.9999
    thesis["train#dataloader"] = list(range(PAPER_SLICES // 10))
    iterations = thesis.get_parsed_content("epochs") * (PAPER_SLICES // 10)
    assert abs(iterations - 60_000) <= PAPER_SLICES // 20  # whole epochs, the nearest number of them
    assert thesis["level_power"] == 1 and thesis["prediction"] == "epsilon"
    loss = thesis.get_parsed_content("loss")  # L_hybrid as published, with the learned variance
    assert type(loss) is HybridDiffusionLoss and loss.vlb_weight == 1 and thesis["learned_variance"]
    kinds = [t["_target_"].rsplit(".", 1)[-1] for t in thesis["train#augmentation#transforms"]]
    assert kinds == ["SelectItemsd", "EncodeMaskd"]  # no augmentation
    parameter = torch.nn.Parameter(torch.zeros(1))
    thesis["optimizer#params"] = [parameter]
    optimizer, scheduler = (thesis.get_parsed_content(item) for item in ("optimizer", "lr_scheduler"))
    assert optimizer.defaults["weight_decay"] == 0
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    assert scheduler.get_last_lr() == [1e-4]  # constant


def test_sampling_is_that_of_the_paper(thesis: ConfigParser) -> None:
    inferer = thesis.get_parsed_content("inferer")
    assert inferer.solver == "ancestral" and inferer.grid == tuple(range(1000, -1, -1))
    assert inferer.num_samples == 5 and inferer.binarize and thesis["task"]["mean_threshold"] == 0.5
    assert (inferer.low, inferer.high, inferer.clip) == (0, 1, (-1, 1))  # as the published code clamps it
    ours, default = inferer.schedule, NoiseSchedule()
    assert ours.num_train_timesteps == 1000
    assert [ours.alpha_bar(t) for t in (1, 500, 1000)] == [default.alpha_bar(t) for t in (1, 500, 1000)]


def test_network_is_that_of_the_paper() -> None:
    with torch.device("meta"):  # no memory
        network = merged("diffseg", "inference", "inference_thesis").get_parsed_content("network_def")
    assert sum(p.numel() for p in network.parameters()) == PAPER_PARAMETERS
    assert network.prediction == "epsilon" and network.mask_range == (0, 1)


def test_thesis_with_regions_has_an_input_and_two_outputs_per_region() -> None:
    parser = merged("diffseg", "train", "thesis", "regions")
    assert parser.get_parsed_content("network_def#diffusion#in_channels") == 4 + 3
    assert parser.get_parsed_content("network_def#diffusion#out_channels") == 2 * 3
    assert parser.get_parsed_content("inferer").regions == 3
