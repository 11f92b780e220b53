# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.inferers import SimpleInferer
from monai.transforms import Lambdad

from monai_anomaly.evaluation import AnomalyMaps, Classification, CollectCases, Segmentation, Task
from monai_anomaly.evaluation.collect import _samples
from monai_anomaly.utils import DataError

ANOMALY, SEGMENTATION = AnomalyMaps(["a", "b"]), Segmentation(["a", "b"], ["lesion"])


class Translate(torch.nn.Module):
    """Map and reconstruction of an image: its channel sum, and itself minus one; and what no schema names."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"map": x.sum(1, keepdim=True), "reconstruction": x - 1, "other": x}


class Segment(torch.nn.Module):
    """Four samples of one region, 0.0, 0.2, 0.4, 0.6 brighter than a threshold."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        samples = torch.stack([(x[:, :1] > 0.2 * i).float() for i in range(4)], 1)
        return {"mean": samples.mean(1), "variance": samples.var(1), "entropy": samples[:, 0], "samples": samples}


class Classify(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": x.flatten(1)[:, :3]}


def make_samples(n: int, shape: tuple[int, ...] = (2, 6, 7), **more: Any) -> list[dict[str, Any]]:
    images = torch.rand(n, *shape, generator=torch.Generator().manual_seed(0))
    return [
        {"image": x, "mask": (x[:1] > 0.9).float(), "label": i % 2, "subject": f"s{i}", "slice": 40 + i, **more}
        for i, x in enumerate(images)
    ]


def run(task: Task, network: torch.nn.Module, samples: list[dict[str, Any]], **options: Any) -> CollectCases:
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(samples), batch_size=3),
        network=network,
        inferer=SimpleInferer(),
        **options,
    )
    collect = CollectCases(task)
    collect.attach(evaluator)
    evaluator.run()
    evaluator.run()  # starts afresh
    return collect


@pytest.mark.parametrize("decollate", [True, False])
def test_collects_every_case_once(decollate: bool) -> None:
    samples = make_samples(5)
    cases = run(ANOMALY, Translate(), samples, decollate=decollate).cases
    image = np.stack([s["image"].numpy() for s in samples])
    np.testing.assert_array_equal(cases["image"], image)
    np.testing.assert_allclose(cases["map"], image.sum(1, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(cases["reconstruction"], image - 1, rtol=1e-6)
    np.testing.assert_array_equal(cases["mask"], image[:, :1] > 0.9)
    assert list(cases["label"]) == [0, 1, 0, 1, 0] and not cases.known("twin").any()
    assert cases.keys == [(s["subject"], str(s["slice"])) for s in samples]


@pytest.mark.parametrize("decollate", [True, False])
def test_members_are_collected_by_name(decollate: bool) -> None:
    samples = make_samples(4)
    cases = run(SEGMENTATION, Segment(), samples, decollate=decollate).cases
    image = np.stack([s["image"].numpy() for s in samples])
    expected = np.stack([image[:, :1] > np.float32(0.2 * i) for i in range(4)], 1)
    np.testing.assert_array_equal(cases["samples"], expected)
    np.testing.assert_allclose(cases["variance"], expected.var(1, ddof=1), atol=1e-6)


@pytest.mark.parametrize("decollate", [True, False])
def test_volumes_are_classified_without_keeping_them(decollate: bool) -> None:
    samples = make_samples(4, (1, 4, 5, 6), site="x")
    cases = run(Classification(["a", "b", "c"]), Classify(), samples, decollate=decollate).cases
    np.testing.assert_array_equal(cases["logits"], np.stack([s["image"].flatten()[:3].numpy() for s in samples]))
    assert list(cases["site"]) == ["x"] * 4 and "image" not in cases.schema.names


@pytest.mark.parametrize("decollate", [True, False])
def test_logits_are_no_map(decollate: bool) -> None:
    cases = run(ANOMALY, Classify(), make_samples(4, probability=0.25), decollate=decollate).cases
    assert len(cases) == 4 and not cases.has("map") and list(cases["probability"]) == [0.25] * 4


def test_sees_what_postprocessing_made_of_the_prediction() -> None:
    doubled = Lambdad("pred", lambda pred: {"map": 2 * pred["map"]})
    cases = run(ANOMALY, Translate(), make_samples(2), postprocessing=doubled).cases
    np.testing.assert_allclose(cases["map"], 2 * cases["image"].sum(1, keepdims=True), rtol=1e-6)
    assert not cases.has("reconstruction")


@pytest.mark.parametrize("pred", [None, torch.zeros(1, 4, 4), {}])
def test_a_prediction_without_names_is_refused(pred: Any) -> None:
    engine = SimpleNamespace(state=SimpleNamespace(batch=[{"image": torch.zeros(1, 4, 4)}], output=[{"pred": pred}]))
    with pytest.raises(DataError, match=r"expected a dictionary of named results as 'pred', found .* among"):
        CollectCases(ANOMALY)(engine)


def test_fields_may_have_other_keys() -> None:
    collect = CollectCases(ANOMALY, keys={"mask": "seg", "subject": "patient"})
    collect.add(
        {"image": np.zeros((2, 4, 4)), "seg": np.ones((1, 4, 4)), "patient": ["p"]}, {"map": np.zeros((1, 4, 4))}
    )
    assert collect.cases["mask"].all() and collect.cases.keys == [("p", "")]


def test_no_prediction_replaces_the_truth() -> None:
    image, nothing = np.zeros((2, 4, 4)), np.zeros((1, 4, 4))
    collect = CollectCases(ANOMALY, keys={"map": "anomaly"})
    sample = {"image": image, "mask": nothing, "label": 0, "subject": "a"}
    made = {"image": image + 7, "mask": nothing + 1, "label": 1, "twin": image, "subject": "b", "anomaly": nothing + 2}
    collect.add(sample, made)
    cases = collect.cases
    assert not cases["image"].any() and not cases["mask"].any() and cases["label"] == [0] and cases.keys == [("a", "")]
    assert not cases.has("twin") and (cases["map"] == 2).all()


def test_labels_of_several_numbers_are_refused() -> None:
    sample = {"image": torch.zeros(2, 4, 4), "label": torch.tensor([0, 1])}
    with pytest.raises(DataError, match="label as one number"):
        CollectCases(ANOMALY).add(sample, {"map": torch.zeros(1, 4, 4)})


def test_every_process_gets_the_cases_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases that the sampler repeated count once."""
    mine, other = (run(ANOMALY, Translate(), make_samples(n)) for n in (2, 3))

    def gather(parts: list[Any], own: Any) -> None:
        parts[:] = [own, other.cases]

    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "all_gather_object", gather)
    mine.gather()
    assert list(mine.cases["subject"]) == ["s0", "s1", "s2"]


def test_lists_of_several_lengths_belong_to_their_cases() -> None:
    batch = {"image": torch.zeros(2, 2, 4, 4), "subject": ["a", "b"], "site": "x", "points": [[1, 2], [1, 2, 3]]}
    collect = CollectCases(ANOMALY)
    collect(SimpleNamespace(state=SimpleNamespace(batch=batch, output={"pred": {"map": torch.zeros(2, 1, 4, 4)}})))
    assert collect.cases.keys == [("a", ""), ("b", "")]
    samples = _samples(batch, {"pred": {"map": torch.zeros(2, 1, 4, 4)}}, "pred")
    assert [sample["points"] for sample, _ in samples] == [[1, 2], [1, 2, 3]]
