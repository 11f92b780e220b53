# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import (
    TINY_DIFFUSION,
    TINY_GAN,
    TINY_MASK_DIFFUSION,
    TINY_NETWORK,
    TINY_TRANSLATION,
)
from monai_anomaly.benchmarks.speed import speed
from monai_anomaly.diffusion import AreaGuidance, SegmentationGuidance
from monai_anomaly.inferers import MaskEnsembleInferer, TranslationInferer
from monai_anomaly.losses import GuidedDiffusionLoss, TranslationCriticLoss, TranslationGeneratorLoss
from tests.bundles.workflow import config_files

SIZE = {"spatial_size": [32, 40], "device": "cpu"}


def measure(bundle: str, *overlays: str, batch_size: int = 2, steps: int = 1, **overrides: Any) -> dict[str, Any]:
    config = [str(file) for file in config_files(bundle, "train", *overlays)]
    return json.loads(speed(config, batch_size, steps, **{**SIZE, **overrides}))


def count(monkeypatch: pytest.MonkeyPatch, owner: type, name: str = "forward") -> Counter:
    """Counts the calls of a method from now on."""
    calls, original = Counter(), getattr(owner, name)

    def counted(*arguments: Any, **options: Any) -> Any:
        calls[name] += 1
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, counted)
    return calls


@pytest.mark.parametrize(
    ("bundle", "overlays", "network"),
    [
        ("diffanomaly", (), TINY_NETWORK),
        ("descargan", (), TINY_GAN),
        ("descargan", ("stargan",), {}),
        ("descargan", ("vae",), {"network_def#autoencoder#channels": [4] * 4}),
        ("descargan", ("dcls",), {}),
        ("difftranslation", (), TINY_TRANSLATION),
        ("difftranslation", ("regressor",), TINY_TRANSLATION),
        ("difftranslation", ("thesis",), TINY_TRANSLATION),
        ("diffseg", (), TINY_MASK_DIFFUSION),
        ("diffseg", ("regions",), TINY_MASK_DIFFUSION),
        ("diffseg", ("bayesian_segnet",), {"network_def#channels": [8, 8, 8, 8]}),
        ("diffseg", ("dynunet",), {"network_def#filters": [8, 8, 8, 8]}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else str(value)[:12],
)
def test_a_training_step_and_an_inference_step(bundle: str, overlays: tuple, network: dict) -> None:
    result = measure(bundle, *overlays, **network)
    assert result["image"] == [1 if bundle == "descargan" else 4, 32, 40] and result["parameters"] > 0
    steps = (result["inference_step"], result["training_step"])
    assert all(step["seconds"] > 0 and step["peak_gib"] > 0 for step in steps)


def test_a_translation_is_led_by_all_guides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two images one is asked for a size, the other for a tumor."""
    led = [count(monkeypatch, guide, "gradient") for guide in (AreaGuidance, SegmentationGuidance)]
    measure("difftranslation", "area", **TINY_TRANSLATION, **{"inferer#scheme#substeps": 1})
    assert all(calls.total() > 0 for calls in led)


def test_photographs_of_faces() -> None:
    """Without data, which would tell how many epochs there are."""
    network = {f"network_def#age#{name}": n for name, n in (("num_res_blocks", 1), ("norm_num_groups", 8))}
    network |= {"network_def#age#channels": [8, 16], "network_def#age#attention_levels": [False, True]}
    result = measure(
        "difftranslation", "faces", **network, **TINY_DIFFUSION, **{"network_def#age#num_head_channels": 8}
    )
    assert result["image"] == [3, 32, 40]


def test_as_many_steps_as_asked_for_and_one_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    training = count(monkeypatch, GuidedDiffusionLoss)
    inference = count(monkeypatch, TranslationInferer, "one_step")
    measure("diffanomaly", steps=3, epochs=50, **TINY_NETWORK)
    assert (training.total(), inference.total()) == (4, 4)


def test_slices_that_must_be_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    inference = count(monkeypatch, MaskEnsembleInferer, "one_step")
    measure("diffseg", batch_size=1, **{**TINY_MASK_DIFFUSION, "inferer#divisor": 16})
    assert inference.total() == 2


def test_a_step_of_a_gan_is_the_mean_over_those_until_the_generator_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    critic, generator = (count(monkeypatch, loss) for loss in (TranslationCriticLoss, TranslationGeneratorLoss))
    measure("descargan", n_critic=3, **TINY_GAN)  # without the warm-up of the critic
    assert (critic.total(), generator.total()) == (6, 2)


def test_a_gan_needs_images_of_both_classes() -> None:
    with pytest.raises(ValueError, match="images of both classes: batch_size 2 or more, got 1"):
        measure("descargan", batch_size=1, **TINY_GAN)


def test_nothing_is_learned_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set is made, and no handler writes."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    measure("diffseg", phantom_dir=str(tmp_path / "none"), output_dir=str(tmp_path / "out"), **TINY_MASK_DIFFUSION)
    assert list(tmp_path.iterdir()) == []
