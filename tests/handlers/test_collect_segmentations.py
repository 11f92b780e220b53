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

from monai_anomaly.handlers import CollectCases, CollectSegmentations
from monai_anomaly.handlers.collect_slices import CollectSlices, plain_scalar
from monai_anomaly.inferers import Fields
from monai_anomaly.utils import DataError

REGIONS, SAMPLES = 2, 4


class Segment(torch.nn.Module):
    """Samples 0.0, 0.2, 0.4, 0.6 brighter than a threshold."""

    def __init__(self, keep: bool = True, soft: bool = False) -> None:
        super().__init__()
        self.keep, self.soft = keep, soft

    def forward(self, x: torch.Tensor) -> Fields:
        samples = torch.stack([(x[:, :REGIONS] > 0.2 * i).float() for i in range(SAMPLES)], 1)
        samples = samples * 0.75 if self.soft else samples
        maps = {"mean": samples.mean(1), "variance": samples.var(1)}
        return {**maps, "samples": samples} if self.keep else maps


def make_samples(n: int) -> list[dict[str, Any]]:
    g = torch.Generator().manual_seed(0)
    images = torch.rand(n, 3, 6, 7, generator=g)
    return [
        {"image": x, "mask": (x[:REGIONS] > 0.5).float(), "subject": f"s{i}", "slice": 40 + i}
        for i, x in enumerate(images)
    ]


def run(samples: list[dict[str, Any]], network: torch.nn.Module, **options: Any) -> CollectSegmentations:
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(samples), batch_size=3),
        network=network,
        inferer=SimpleInferer(),
        **options,
    )
    collect = CollectSegmentations()
    collect.attach(evaluator)
    evaluator.run()
    evaluator.run()  # starts afresh
    return collect


@pytest.mark.parametrize("decollate", [True, False])
def test_takes_the_prediction_apart(decollate: bool) -> None:
    samples = make_samples(5)
    cases = run(samples, Segment(), decollate=decollate).cases
    image = np.stack([s["image"].numpy() for s in samples])
    expected = np.stack([image[:, :REGIONS] > np.float32(0.2 * i) for i in range(SAMPLES)], 1)
    np.testing.assert_array_equal(cases["image"], image)
    np.testing.assert_array_equal(cases["samples"], expected)
    assert cases["samples"].dtype == bool
    np.testing.assert_allclose(cases["mean"], expected.mean(1), atol=1e-6)
    np.testing.assert_allclose(cases["variance"], expected.var(1, ddof=1), atol=1e-6)
    np.testing.assert_array_equal(cases["mask"], image[:, :REGIONS] > 0.5)
    assert list(cases["subject"]) == [s["subject"] for s in samples]
    assert list(cases["slice"]) == ["40", "41", "42", "43", "44"]


def test_samples_may_be_left_out_or_soft() -> None:
    assert run(make_samples(2), Segment(keep=False)).cases.num_samples == 0
    soft = run(make_samples(2), Segment(soft=True)).cases["samples"]
    assert soft.dtype == np.float32 and soft.max() == 0.75


def call(**sample: Any) -> CollectSegmentations:
    collect = CollectSegmentations()
    pred = sample.pop("pred")
    collect(SimpleNamespace(state=SimpleNamespace(batch=[sample], output=[{"pred": pred}])))
    return collect


def test_regions_and_mask_are_checked() -> None:
    image, mask = torch.zeros(1, 4, 4), torch.zeros(2, 4, 4)
    pred = {"mean": torch.zeros(1, 4, 4), "variance": torch.zeros(1, 4, 4)}
    with pytest.raises(DataError, match="sub-1 7: expected mean "):
        call(image=image, mask=mask, pred=pred, subject="sub-1", slice=7)
    with pytest.raises(DataError, match=r"slice 0: expected a mask 'mask', found \['image', 'pred'\]"):
        call(image=image, pred=pred)
    with pytest.raises(DataError, match="no 'pred'"):
        call(image=image, mask=mask, pred=None)


def test_both_collectors_share_the_base() -> None:
    assert issubclass(CollectCases, CollectSlices) and issubclass(CollectSegmentations, CollectSlices)
    assert [plain_scalar(v) for v in (torch.tensor([3]), np.array(2.5), ["a"], "b", 4)] == [3, 2.5, "a", "b", 4]


def test_every_process_gets_the_slices_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices that the sampler repeated count once."""
    mine, other = (run(make_samples(n), Segment()) for n in (2, 3))

    def gather(parts: list[Any], own: Any) -> None:
        parts[:] = [own, other.cases]

    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "all_gather_object", gather)
    mine.gather()
    assert list(mine.cases["subject"]) == ["s0", "s1", "s2"]
