# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.engines import NoisyPrepareBatch
from monai_anomaly.utils import DataError


def batch(n: int = 6) -> dict[str, torch.Tensor]:
    image = torch.rand(n, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    return {"image": image, "label": torch.arange(n) % 2}


@pytest.mark.parametrize("max_level", [1, 3, None])
def test_levels_are_uniform_on_their_range(max_level: int | None) -> None:
    schedule = NoiseSchedule(5, "cosine")
    level = NoisyPrepareBatch(schedule, max_level=max_level, seed=0)(batch(2000))[1].level
    top = max_level or 5
    counts = torch.bincount(level, minlength=top + 1)
    assert len(counts) == top + 1 and counts[0] == 0
    assert (counts[1:] - 2000 / top).abs().max() < 4 * (2000 / top) ** 0.5


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_power_favors_low_levels(power: float) -> None:
    level = NoisyPrepareBatch(level_power=power, seed=0)(batch(4000))[1].level
    assert level.min() >= 1 and level.max() <= 1000
    for quantile in (0.25, 0.5, 0.75):  # the distribution of u^power
        assert abs(float((level <= 1000 * quantile**power).float().mean()) - quantile) < 0.03


def test_targets_and_arguments_fit_together() -> None:
    schedule = NoiseSchedule()
    data = batch()
    x, targets, args, kwargs = NoisyPrepareBatch(schedule, max_level=500, seed=1)(data)
    assert args == () and torch.equal(x, targets.x)
    assert torch.equal(targets.x0, data["image"]) and torch.equal(targets.targets["label"], data["label"])
    abar = schedule.alphas_cumprod[targets.level].float()[:, None, None, None]
    torch.testing.assert_close(x, abar.sqrt() * targets.x0 + (1 - abar).sqrt() * targets.noise)
    assert torch.equal(kwargs["timesteps"], targets.level - 1)  # the networks count from 0
    assert torch.equal(kwargs["class_labels"], data["label"])


def test_noise_is_standard_normal() -> None:
    noise = NoisyPrepareBatch(seed=0)(batch(500))[1].noise
    assert abs(float(noise.mean())) < 0.03 and abs(float(noise.std()) - 1) < 0.03


@pytest.mark.parametrize(("dropout", "low", "high"), [(0.0, 0.0, 0.0), (0.3, 0.26, 0.34), (1.0, 1.0, 1.0)])
def test_share_of_dropped_labels(dropout: float, low: float, high: float) -> None:
    data = batch(2000)
    _, targets, _, kwargs = NoisyPrepareBatch(null_label=2, label_dropout=dropout, seed=0)(data)
    dropped = kwargs["class_labels"] == 2
    assert low <= float(dropped.float().mean()) <= high
    assert torch.equal(kwargs["class_labels"][~dropped], data["label"][~dropped])
    assert torch.equal(targets.targets["label"], data["label"])  # the classifier learns from all of them


def test_unconditional_network_is_told_no_class() -> None:
    assert "class_labels" not in NoisyPrepareBatch(conditional=False, null_label=2)(batch())[3]


def test_seed_fixes_the_batch_and_leaves_the_global_generator_alone() -> None:
    prepare = NoisyPrepareBatch(null_label=2, seed=3)
    state = torch.get_rng_state()
    first, second = prepare(batch()), prepare(batch())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first[0], second[0]) and torch.equal(first[3]["class_labels"], second[3]["class_labels"])
    assert not torch.equal(first[0], NoisyPrepareBatch(null_label=2, seed=4)(batch())[0])


def test_without_seed_each_batch_is_drawn_anew_from_the_global_generator() -> None:
    prepare = NoisyPrepareBatch()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = prepare(batch()), prepare(batch())
        torch.manual_seed(0)
        again = prepare(batch())
    assert torch.equal(first[0], again[0]) and not torch.equal(first[0], second[0])


@pytest.mark.parametrize("label", [torch.tensor([[0], [1]]), torch.tensor([0.0, 1.0]), [0, 1]])
def test_labels_and_metadata_of_any_loader(label: Any) -> None:
    x, targets, _, kwargs = NoisyPrepareBatch()({"image": MetaTensor(torch.rand(2, 1, 4, 4)), "label": label})
    assert type(x) is torch.Tensor and type(targets.x0) is torch.Tensor
    assert kwargs["class_labels"].tolist() == [0, 1] and targets.targets["label"].dtype == torch.int64


@pytest.mark.parametrize("max_level", [0, -1, 1001])
def test_levels_out_of_range_are_refused(max_level: int) -> None:
    with pytest.raises(ValueError, match="1000"):
        NoisyPrepareBatch(max_level=max_level)


def test_the_task_networks_may_have_noisier_or_cleaner_images_of_its_own() -> None:
    schedule, data = NoiseSchedule(), batch(500)
    shared = NoisyPrepareBatch(schedule, max_level=500, seed=3)(data)
    x, targets, _, kwargs = NoisyPrepareBatch(schedule, max_level=500, task_max_level=20, seed=3)(data)
    assert torch.equal(x, shared[0]) and torch.equal(targets.level, shared[1].level)  # the denoiser's stay
    assert "task_image" not in shared[3]
    level = kwargs["task_timesteps"] + 1
    assert level.min() == 1 and level.max() == 20
    abar = schedule.alphas_cumprod[level].float()[:, None, None, None]
    noise = (kwargs["task_image"] - abar.sqrt() * data["image"]) / (1 - abar).sqrt()
    assert abs(float(noise.mean())) < 0.03 and abs(float(noise.std()) - 1) < 0.03


def test_targets_of_any_kind() -> None:
    data = {
        **batch(3),
        "size": torch.tensor([[0.0], [0.1], [0.2]], dtype=torch.float64),
        "age": [40, 9, 70],
        "mask": MetaTensor(torch.ones(3, 2, 4, 4, dtype=torch.uint8)),
        "name": ["a", "b", "c"],
    }
    found = NoisyPrepareBatch(targets=("label", "size", "age", "mask"))(data)[1].targets
    assert {name: (tuple(t.shape), t.dtype) for name, t in found.items()} == {
        "label": ((3,), torch.int64),
        "size": ((3, 1), torch.float32),
        "age": ((3,), torch.float32),
        "mask": ((3, 2, 4, 4), torch.float32),
    }
    assert type(found["mask"]) is torch.Tensor and found["age"].tolist() == [40, 9, 70]


def test_levels_and_noise_do_not_depend_on_the_targets() -> None:
    data = {**batch(), "size": torch.rand(6)}
    told = NoisyPrepareBatch(null_label=2, seed=3)(data)
    other = NoisyPrepareBatch(null_label=2, seed=3, targets="size")(data)
    assert torch.equal(told[0], other[0]) and torch.equal(told[3]["class_labels"], other[3]["class_labels"])
    assert list(other[1].targets) == ["size"]


def test_no_class_is_needed_where_none_is_used() -> None:
    x, targets, _, kwargs = NoisyPrepareBatch(targets=("size",), conditional=False)(
        {"image": torch.rand(2, 1, 4, 4), "size": torch.rand(2)}
    )
    assert len(x) == 2 and list(targets.targets) == ["size"] and list(kwargs) == ["timesteps"]


@pytest.mark.parametrize(
    ("entries", "options", "message"),
    [
        ({}, {}, r"entry 'label' in the batch, found \['image'\]"),
        ({}, {"targets": ()}, r"entry 'label' in the batch"),  # the diffusion network is told the class
        ({"label": [0, 1]}, {"targets": ("age",)}, r"entry 'age' in the batch, found \['image', 'label'\]"),
        ({"label": [0, 1, 1]}, {}, r"'label' .* one for each of 2 images, found \(3,\)"),
        ({"size": 0.5}, {"targets": "size", "conditional": False}, r"'size' .*, found \(\)"),
        (
            {"size": [0.1, float("nan")]},
            {"targets": "size", "conditional": False},
            "'size' .*found NaN",
        ),
    ],
)
def test_entries_that_cannot_be_learned_are_named(entries: Any, options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        NoisyPrepareBatch(**options)({"image": torch.rand(2, 1, 4, 4), **entries})
