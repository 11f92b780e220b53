# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.inferers import SimpleInferer
from monai.transforms import Lambdad

from monai_anomaly.handlers import CollectCases
from monai_anomaly.inferers import ClassificationInferer, Fields
from monai_anomaly.utils import DataError


class Translate(torch.nn.Module):
    """Map and reconstruction of an image: its channel sum, and itself minus one."""

    def forward(self, x: torch.Tensor) -> Fields:
        return {"map": x.sum(1, keepdim=True), "reconstruction": x - 1}


def make_samples(n: int, twin: bool) -> list[dict[str, Any]]:
    g = torch.Generator().manual_seed(0)
    samples = []
    for i in range(n):
        image = torch.rand(2, 6, 7, generator=g)
        sample = {
            "image": image,
            "mask": (image[:1] > 0.9).float(),
            "label": i % 2,
            "subject": f"s{i}",
            "slice": 40 + i,
        }
        samples.append({**sample, "twin": image / 2} if twin else sample)
    return samples


def run(samples: list[dict[str, Any]], **options: Any) -> CollectCases:
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(samples), batch_size=3),
        network=Translate(),
        inferer=SimpleInferer(),
        **options,
    )
    collect = CollectCases()
    collect.attach(evaluator)
    evaluator.run()
    evaluator.run()  # starts afresh
    return collect


@pytest.mark.parametrize("decollate", [True, False])
@pytest.mark.parametrize("twin", [True, False])
def test_collects_every_slice_once(decollate: bool, twin: bool) -> None:
    samples = make_samples(5, twin)
    cases = run(samples, decollate=decollate).cases
    image = np.stack([s["image"].numpy() for s in samples])
    np.testing.assert_array_equal(cases["image"], image)
    np.testing.assert_allclose(cases["map"], image.sum(1, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(cases["healthy"], image - 1, rtol=1e-6)
    np.testing.assert_array_equal(cases["mask"], image[:, :1] > 0.9)
    assert list(cases["label"]) == [0, 1, 0, 1, 0]
    assert list(cases["subject"]) == [s["subject"] for s in samples]
    assert list(cases["slice"]) == ["40", "41", "42", "43", "44"]
    assert cases.has_twin.all() if twin else not cases.has_twin.any()


def test_sees_what_postprocessing_made_of_the_prediction() -> None:
    cases = run(make_samples(2, False), postprocessing=Lambdad("pred", lambda pred: {"map": pred["map"] * 2})).cases
    np.testing.assert_allclose(cases["map"], 2 * cases["image"].sum(1, keepdims=True), rtol=1e-6)
    assert not cases.has_healthy


def test_missing_prediction_is_named() -> None:
    collect = CollectCases(pred_key="translated")
    engine = SupervisedEvaluator(torch.device("cpu"), DataLoader(Dataset(make_samples(1, False))), Translate())
    collect.attach(engine)
    with pytest.raises(DataError, match="translated"):
        engine.run()


@pytest.mark.parametrize("decollate", [True, False])
def test_logits_are_no_map(decollate: bool) -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(84, 2))
    samples = [{**sample, "probability": 0.25} for sample in make_samples(4, False)]
    engine = SupervisedEvaluator(
        torch.device("cpu"),
        DataLoader(Dataset(samples), batch_size=3),
        network,
        inferer=ClassificationInferer(),
        decollate=decollate,
    )
    collect = CollectCases()
    collect.attach(engine)
    engine.run()
    assert len(collect.cases) == 4 and not collect.cases.has_map and not collect.cases.has_healthy
    assert list(collect.cases["score"]) == [0.25] * 4
