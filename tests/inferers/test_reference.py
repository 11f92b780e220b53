# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Runs and steps of the original code, from tensors it produced, through the inferers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from monai_anomaly.inferers import MaskEnsembleInferer, TranslationInferer
from tests.reference import LOOP, STEP, load_reference
from tests.reference.stand_ins import classifier, net

from .recorded_noise import recorded
from .tiny_guided import translation

NETWORK = SimpleNamespace(diffusion=net, tasks={"classifier": classifier})
PLAIN: dict[str, Any] = {"order": 1, "exact": False, "substeps": 1}
CLIPS = pytest.mark.parametrize(("clip", "tag"), [(None, 0), ((-1.0, 1.0), 1)])


def close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(actual.to(expected), expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("level", [20, 300])
def test_translation(level: int) -> None:
    """Algorithm 1 of the thesis' ch. 7: the encoding, the way back without guidance, and with it."""
    run = load_reference("14")
    (label,) = set(run["y"].tolist())
    options = {"level": level, "steps": level, "encoding_label": label, "target": label, "data_range": 1.0, **PLAIN}
    inferer = translation(scale=(0.0, 100.0), **options)
    found = inferer(run["x0"], NETWORK)
    latent = inferer.scheme.encode(inferer.denoiser(NETWORK, run["x0"], 0, {}), run["x0"]).latent
    close(latent, run[f"L{level}_latent"], LOOP)
    for tail, name in (("", "unguided"), ("_1", "guided_s100")):
        decoded = run[f"L{level}_decoded_{name}"]
        close(found[f"reconstruction{tail}"], decoded, LOOP)
        close(found[f"map{tail}"], (run["x0"] - decoded).abs().sum(1, keepdim=True), 4 * LOOP)


def steps(run: dict[str, torch.Tensor], **options: Any) -> list[tuple[slice, TranslationInferer]]:
    """For every image of a file, which is at a level and of a class of its own, an inferer whose first step is its."""
    made = []
    for i, (t, label) in enumerate(zip(run["t"].tolist(), run["y"].tolist(), strict=True)):
        grid = [t + 1, t, 0] if t else [1, 0]
        inferer = translation(
            grid=grid[::-1], decoding_grid=grid, encoding_label=label, target=label, **PLAIN, **options
        )
        made.append((slice(i, i + 1), inferer))
    return made


@CLIPS
@pytest.mark.parametrize("scale", [0, 1, 100])
def test_guided_step(clip: tuple[float, float] | None, tag: int, scale: float) -> None:
    run = load_reference("07")
    for i, inferer in steps(run, scale=scale, clip=clip, divisor=1):
        close(inferer.one_step(run["x"][i], NETWORK), run[f"sample_clip{tag}_s{scale}"][i], STEP)


@CLIPS
def test_ancestral_step(clip: tuple[float, float] | None, tag: int) -> None:
    run = load_reference("08")
    for i, inferer in steps(run, scale=0.0, clip=clip, divisor=1, decoding="ancestral"):
        inferer.noise_source = recorded(run["noise"][i])
        close(inferer.one_step(run["x"][i], NETWORK), run[f"sample_clip{tag}"][i], STEP)


@CLIPS
def test_first_step_of_a_mask(clip: tuple[float, float] | None, tag: int) -> None:
    """From pure noise, the last of the levels in the file; the stand-in looks at the mask alone."""
    run = {name: values[-1:] for name, values in load_reference("08").items()}
    assert run["t"].tolist() == [999]
    inferer = MaskEnsembleInferer(1000, clip=clip, regions=4, divisor=1, noise_source=recorded(run["x"], run["noise"]))
    found = inferer.one_step(run["x"], lambda stack, timesteps: net(stack[:, 4:], timesteps, run["y"]))
    close(found, run[f"sample_clip{tag}"], STEP)
