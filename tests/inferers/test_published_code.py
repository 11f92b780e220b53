# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The behavior of JuliaWolleb/diffusion-anomaly, quirks included, is a choice of arguments.

The loop below is written down from the formulas of its steps, with its 0-based indices and its own tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from monai_anomaly.inferers import TranslationInferer
from tests.reference import LOOP
from tests.reference.stand_ins import classifier, net

from .recorded_noise import recorded
from .tiny_guided import translation

LEVEL, SCALE, SEED = 30, 100.0, 7


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.diffusion = net
        self.tasks = {"classifier": classifier}


def published(x: torch.Tensor, noise: torch.Tensor, level: int, clip: bool) -> torch.Tensor:
    """Start at random at index 0, encode at the indices 1..L-1, decode with guidance at L-2..0."""
    abar = torch.from_numpy(np.cumprod(1 - np.linspace(1e-4, 0.02, 1000)))
    healthy = torch.zeros(len(x), dtype=torch.long)

    def predict(x: torch.Tensor, t: int) -> tuple[torch.Tensor, torch.Tensor]:
        eps = net(x, torch.full((len(x),), t), healthy)[:, : x.shape[1]]
        x0 = (x - (1 - abar[t]) ** 0.5 * eps) / abar[t] ** 0.5
        x0 = x0.clamp(-1, 1) if clip else x0
        return x0, (x - abar[t] ** 0.5 * x0) / (1 - abar[t]) ** 0.5

    x = abar[0] ** 0.5 * x + (1 - abar[0]) ** 0.5 * noise
    for t in range(1, level):
        x0, eps = predict(x, t)
        x = abar[t + 1] ** 0.5 * x0 + (1 - abar[t + 1]) ** 0.5 * eps
    for t in range(level - 2, -1, -1):
        leaf = x.clone().requires_grad_(True)
        log_p = classifier(leaf, torch.full((len(x),), t)).log_softmax(1)[:, 0]
        (gradient,) = torch.autograd.grad(log_p.sum(), leaf)
        eps = predict(x, t)[1] - (1 - abar[t]) ** 0.5 * SCALE * gradient
        before = abar[t - 1] if t else torch.tensor(1.0)
        x0 = (x - (1 - abar[t]) ** 0.5 * eps) / abar[t] ** 0.5  # not clamped again
        x = before**0.5 * x0 + (1 - before) ** 0.5 * eps
    return x


def arguments(**options: Any) -> dict[str, Any]:
    """As docs/explanation/method.md gives them."""
    return {
        "start_level": 1,
        "grid": list(range(2, LEVEL + 2)),
        "decoding_grid": list(range(LEVEL - 1, -1, -1)),
        "order": 1,
        "substeps": 1,
        "encoding_label": 0,
        "decoding_label": 0,
        "scale": SCALE,
        "seed": SEED,
        **options,
    }


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(2, 4, 8, 8, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("clip", [None, (-1, 1)])
def test_translation_is_that_of_the_published_code(x: torch.Tensor, clip: tuple[int, int] | None) -> None:
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(2)).double()
    with pytest.warns(UserWarning) as told:
        inferer = translation(**arguments(clip=clip), noise_source=recorded(noise))
    assert [str(w.message).split(":")[0] for w in told] == [
        "encoding starts at level 2, but the image is at 1",
        f"decoding starts at level {LEVEL - 1}, but encoding ends at {LEVEL + 1}",
    ]
    expected = published(x, noise, LEVEL, clip is not None)
    result = inferer(x, Network())
    torch.testing.assert_close(result["reconstruction"], expected, atol=LOOP, rtol=LOOP)
    without = translation(**arguments(clip=clip, start_level=0))(x, Network())
    assert (without["reconstruction"] - expected).abs().max() > 100 * LOOP


def encode(inferer: TranslationInferer, x: torch.Tensor, network: Network, index: Sequence[int]) -> None:
    inferer.scheme.encode(inferer.denoiser(network, x, 0, {}), x, partial(inferer.noise, index=index))


def test_random_start_is_noise_of_the_first_level_and_of_the_seed(x: torch.Tensor) -> None:
    big = x.repeat(8, 1, 4, 4)
    start = translation(start_level=1, grid=[1, 2], decoding_grid=[2, 0], scale=0.0, order=1)
    seen: list[torch.Tensor] = []
    network = Network()
    network.diffusion = lambda x, timesteps, class_labels=None: seen.append(x) or torch.zeros_like(x).repeat(1, 2, 1, 1)
    encode(start, big, network, range(len(big)))
    noise = seen[0] - (1 - 1e-4) ** 0.5 * big
    assert abs(float(noise.std()) - 0.01) < 2e-4 and abs(float(noise.mean())) < 1e-3
    for number in (3, 4):
        encode(start, big, network, [number] * len(big))
        encode(start, big, network, [number] * len(big))
    assert torch.equal(seen[1], seen[2]) and torch.equal(seen[3], seen[4]) and not torch.equal(seen[1], seen[3])


def test_result_with_a_random_start_does_not_depend_on_the_batch_size(x: torch.Tensor) -> None:
    one, two = (translation(**arguments(batch_size=n))(x, Network()) for n in (1, 2))
    torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    "options", [{"start_level": -1}, {"start_level": 1001}, {"start_level": 1, "encoding": "noise"}]
)
def test_start_levels_without_a_meaning_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="start_level"):
        translation(**options)
