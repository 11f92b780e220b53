# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from monai_anomaly.apps.speed import _adversarial_training, speed
from tests.bundles.tiny_network import TINY_DIFFUSION, TINY_GAN, TINY_NETWORK
from tests.bundles.workflow import merged

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
SIZE = {"spatial_size": [32, 40], "device": "cpu"}


def measure(bundle: str, *overlays: str, **overrides: object) -> dict:
    config = [str(BUNDLES / bundle / "configs" / f"{name}.json") for name in ("train", *overlays)]
    return json.loads(speed(config, batch_size=2, steps=1, **SIZE, **overrides))


@pytest.mark.parametrize(
    ("bundle", "overlays", "network", "evaluated"),
    [
        ("diffanomaly", (), TINY_NETWORK, "guided_step"),
        ("descargan", (), TINY_GAN, "translation"),
        ("descargan", ("stargan",), {}, "translation"),
        ("descargan", ("vae",), {"network_def#autoencoder#channels": [4] * 4}, "translation"),
        ("descargan", ("dcls",), {}, "classification"),
        ("diffseg", (), TINY_DIFFUSION, "denoising_step"),
        ("diffseg", ("regions",), TINY_DIFFUSION, "denoising_step"),
        ("diffseg", ("segnet",), {"network_def#channels": [8, 8, 8, 8]}, "sample"),
        ("diffseg", ("bayesian_segnet",), {"network_def#channels": [8, 8, 8, 8]}, "sample"),
        ("diffseg", ("dynunet",), {"network_def#filters": [8, 8, 8, 8]}, "sample"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value)[:12],
)
def test_a_training_step_and_an_evaluation(bundle: str, overlays: tuple, network: dict, evaluated: str) -> None:
    result = measure(bundle, *overlays, **network)
    assert result["image"] == [1 if bundle == "descargan" else 4, 32, 40] and result["parameters"] > 0
    assert all(result[k]["seconds"] > 0 and result[k]["peak_gib"] > 0 for k in (evaluated, "training_step"))


def test_slices_that_must_be_padded() -> None:
    config = str(BUNDLES / "diffseg" / "configs" / "train.json")
    overrides = {**SIZE, **TINY_DIFFUSION, "spatial_size": [32, 40], "inferer#divisor": 16}
    assert json.loads(speed(config, batch_size=1, steps=1, **overrides))["denoising_step"]["seconds"] > 0


def test_a_gan_needs_images_of_both_classes() -> None:
    with pytest.raises(ValueError, match="images of both classes: batch_size 2 or more, got 1"):
        speed([str(BUNDLES / "descargan" / "configs" / "train.json")], batch_size=1, steps=1, **SIZE, **TINY_GAN)


def test_a_step_of_a_gan_is_one_of_the_discriminator_and_a_share_of_the_generator() -> None:
    parser = merged("descargan", "train")
    parser.update({**TINY_GAN, "n_critic": 3, "device": "cpu", "epochs": 1})
    network, batch = (
        parser.get_parsed_content("network"),
        {"image": torch.rand(4, 1, 32, 32), "label": torch.arange(4) % 2},
    )
    losses = {name: parser.get_parsed_content(name) for name in ("loss", "critic_loss")}
    calls = []
    for name, loss in losses.items():
        loss.register_forward_hook(lambda *args, name=name: calls.append(name))
    train, count = _adversarial_training(parser, network, batch, torch.device("cpu"))
    train()
    train()  # again, as it is measured
    assert count == 3 and calls == 2 * ["critic_loss", "critic_loss", "critic_loss", "loss"]
