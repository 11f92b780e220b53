# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor

from monai_anomaly.engines import SitePrepareBatch
from monai_anomaly.utils import DataError


def batch(*sites: str) -> dict[str, Any]:
    n = len(sites)
    return {"image": MetaTensor(torch.rand(n, 1, 4, 4)), "label": torch.arange(n)[:, None] % 2.0, "site": list(sites)}


def test_images_classes_and_sites() -> None:
    given = batch("B", "A", "B")
    image, targets = SitePrepareBatch(["A", "B"], target="A")(given, device="cpu", dtype=torch.float64)
    assert type(image) is torch.Tensor and torch.equal(image.float(), given["image"].as_tensor())
    assert targets.label.tolist() == [0, 1, 0] and targets.site.tolist() == [1, 0, 1]
    assert targets.label.dtype == targets.site.dtype == torch.int64
    assert targets.target.tolist() == [False, True, False] and targets.anchor is None


def test_an_unknown_site_has_no_number_and_is_not_the_target() -> None:
    _, targets = SitePrepareBatch(["A", "B"], target="A")(batch("new", "A"))
    assert targets.site.tolist() == [-1, 0] and targets.target.tolist() == [False, True]


def test_a_target_domain_of_two_sites() -> None:
    _, targets = SitePrepareBatch(["A", "B", "C"], target=["A", "C"])(batch("C", "B", "A"))
    assert targets.target.tolist() == [True, False, True]


def test_the_last_images_are_anchors() -> None:
    _, targets = SitePrepareBatch(["A", "B"], "A", anchors=2)(batch("A", "B", "B", "A", "A"))
    assert targets.anchor is not None and targets.anchor.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("sites", [("B", "A", "B"), ("A", "A")])
def test_anchors_of_another_domain_or_nothing_else_are_refused(sites: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="AnchorBatchSampler"):
        SitePrepareBatch(["A", "B"], "A", anchors=2)(batch(*sites))


def test_a_target_that_is_no_site_is_refused() -> None:
    with pytest.raises(DataError, match=r"among the sites \['A', 'B'\], found \['D', 'E'\]"):
        SitePrepareBatch(["A", "B"], ["D", "E"])


def test_a_target_site_that_the_training_lacks_is_of_the_target_domain() -> None:
    _, targets = SitePrepareBatch(["1", "2"], [1, "5"])(batch("5", "1", "2"))
    assert targets.site.tolist() == [-1, 0, 1] and targets.target.tolist() == [True, True, False]


def test_what_a_loader_gives_can_be_read() -> None:
    data = [{"image": torch.zeros(1, 4, 4), "label": label, "site": site} for label, site in [(1, "B"), (0, "A")]]
    _, targets = SitePrepareBatch(["A", "B"], "A")(next(iter(DataLoader(Dataset(data), batch_size=2))))
    assert targets.label.tolist() == [1, 0] and targets.site.tolist() == [1, 0]


def test_images_without_a_site_are_refused() -> None:
    without = {key: value for key, value in batch("A", "B").items() if key != "site"}
    with pytest.raises(DataError, match="expected a 'site' of every image of the batch, found none"):
        SitePrepareBatch(["A", "B"], "A")(without)
