# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlays say what the paper says, and those of inference translate as those of training."""

from __future__ import annotations

import pytest
import torch

from monai_anomaly.networks.nets import DeformingGenerator, DeScarGANGenerator

from .test_bundle_overlays import OVERLAYS, pair
from .workflow import merged

each_overlay = pytest.mark.parametrize("name", [None, *(name for bundle, name in OVERLAYS if bundle == "descargan")])


@each_overlay
def test_inference_translates_as_the_evaluation(name: str | None) -> None:
    if name is None:
        train, inference = merged("descargan", "train"), merged("descargan", "inference")
    else:
        train, inference = pair("descargan", name)
    theirs, ours = train.get_parsed_content("inferer"), inference.get_parsed_content("inferer")
    for item in ("target", "statistics", "divisor", "slice_range", "views"):
        assert getattr(theirs, item) == getattr(ours, item), item
    assert vars(theirs.anomaly_map) == vars(ours.anomaly_map)


def test_the_thesis_keeps_its_weights_and_rates() -> None:
    parser = merged("descargan", "train", "thesis")
    names = ("adv", "cls", "rec", "id", "change", "smooth", "sparse")
    assert [parser[f"loss#lambda_{name}"] for name in names] == [1, 1, 50, 50, 0, 0, 0]
    parser.update({"network_def#generator#channels": [4] * 4, "network_def#discriminator#channels": [4] * 6})
    parser.set([0] * 400, "train#dataloader")
    for critic in ("", "critic_"):
        made, rate = (parser.get_parsed_content(critic + name) for name in ("optimizer", "lr_scheduler"))
        for _ in range(3):
            made.step()
            rate.step()
        assert rate.get_last_lr() == [parser[f"{critic}learning_rate"]]


@pytest.mark.parametrize("name", ["thesis", "chexpert"])
def test_networks_have_the_papers_numbers_of_parameters(name: str) -> None:
    with torch.device("meta"):  # no memory
        network = merged("descargan", "inference", f"inference_{name}").get_parsed_content("network_def")
    counts = [sum(p.numel() for p in part.parameters()) for part in (network.generator, network.discriminator)]
    assert counts == [8_528_262, 18_170_180]


def test_the_papers_generator_stays() -> None:
    """At the size of the default, in files of its own, with the loss and the rates that were the default's."""
    parser = merged("descargan", "train", "paper")
    generator = parser.get_parsed_content("network_def").generator
    assert type(generator) is DeScarGANGenerator and sum(p.numel() for p in generator.parameters()) == 142_614
    assert parser.get_parsed_content("model_file").endswith("/paper.pt")
    assert parser.get_parsed_content("config_name") == "paper"
    loss, critic = (parser.get_parsed_content(name) for name in ("loss", "critic_loss"))
    assert (loss.lambda_adv, loss.lambda_cls, loss.lambda_rec, loss.lambda_id) == (3, 1, 50, 50)
    assert (critic.lambda_adv, critic.lambda_gp, critic.lambda_cls) == (1, 10, 20)
    assert (loss.lambda_smooth, loss.lambda_sparse, loss.adversarial, critic.adversarial) == (
        *(0, 0),
        *("wasserstein", "wasserstein"),
    )
    rates = [parser[name] for name in ("learning_rate", "critic_learning_rate", "warmup", "n_critic", "balanced")]
    assert rates == [0.003, 0.0005, 1000, 1, False]


@pytest.mark.parametrize("kind", ["train", "inference"])
def test_the_default_moves_and_the_thesis_does_not(kind: str) -> None:
    overlay = "thesis" if kind == "train" else "inference_thesis"
    with torch.device("meta"):
        found = [merged("descargan", kind, *names).get_parsed_content("network_def") for names in ((), (overlay,))]
    assert isinstance(found[0].generator, DeformingGenerator) and type(found[1].generator) is DeScarGANGenerator


@pytest.mark.parametrize("length", [1, 1678, 9_999, 10**6])
def test_last_epoch_of_chexpert_is_validated(length: int) -> None:
    """Weights are saved when they are validated."""
    parser = merged("descargan", "train", "chexpert")
    parser.set(range(length), "train#dataloader")
    epochs, interval = parser.get_parsed_content("epochs"), parser["val_interval"]
    assert epochs >= interval and epochs % interval == 0
    assert abs(epochs * length - 200_000) <= interval * length / 2 or epochs == interval


def test_many_gpus_wrap_no_network() -> None:
    """A wrapped one cannot take the second derivative of the gradient penalty: the gradients are averaged instead."""
    default, parser = merged("descargan", "train"), merged("descargan", "train", "multi_gpu_train")
    assert parser["network"] == default["network"]
    (handler,) = (h for h in parser["train#handlers"] if h["_target_"].endswith(".AverageGradients"))
    assert "_disabled_" not in handler and handler["networks"] == "$[@network_def]"


@pytest.mark.parametrize("overlay", [None, "cxr64"])
def test_many_gpus_share_balanced_batches(overlay: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    parser = merged("descargan", "train", *[overlay] * (overlay is not None), "multi_gpu_train")
    parser.set(Labels(), "train#dataset")
    parser["balanced"] = True
    loader = parser.get_parsed_content("train#dataloader")
    assert loader.batch_size is None and (loader.batch_sampler.rank, loader.batch_sampler.world_size) == (1, 2)
    assert len(loader) == 2 and all(sum(i >= 12 for i in batch) == 2 for batch in loader.batch_sampler)


class Labels(list):
    """Twelve images of one class, four of another."""

    def __init__(self) -> None:
        super().__init__(range(16))
        self.labels = [0] * 12 + [1] * 4
