# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import monai.data
import pytest
import torch
from ignite.engine import Engine
from monai.engines import SupervisedTrainer

from monai_anomaly.data import AnchorBatchSampler, ClassAwareBatchSampler, VolumeDataset
from monai_anomaly.engines import SitePrepareBatch
from monai_anomaly.handlers import EpochSeed
from monai_anomaly.utils import DataError

# target A: 2 healthy, 1 diseased; B: 6 diseased; C: 5 healthy
LABELS = [0, 0, 1, *[1] * 6, *[0] * 5]
SITES = [*"AAA", *"BBBBBB", *"CCCCC"]


def anchored(**changes) -> AnchorBatchSampler:
    return AnchorBatchSampler(LABELS, SITES, **{"target": "A", "batch_size": 4, **changes})


def class_aware(**changes) -> ClassAwareBatchSampler:
    return ClassAwareBatchSampler(LABELS, SITES, **changes)


def group(i: int) -> tuple[str, int]:
    return SITES[i], LABELS[i]


def test_a_batch_is_random_and_ends_with_the_target_domain() -> None:
    batches = list(anchored())
    assert len(batches) == len(anchored()) == 3
    drawn = [i for batch in batches for i in batch[:-2]]
    assert len(set(drawn)) == len(drawn) == 12  # no image twice in an epoch
    assert all([group(i) for i in batch[-2:]] == [("A", 0), ("A", 1)] for batch in batches)


def test_in_the_long_run_every_image_is_drawn_equally_often() -> None:
    sampler, drawn, anchors = anchored(), Counter(), Counter()
    for epoch in range(200):
        sampler.set_epoch(epoch)
        for batch in sampler:
            drawn.update(batch[:-2])
            anchors.update(batch[-2:])
    assert set(drawn) == set(range(14)) and max(drawn.values()) < 1.25 * min(drawn.values())
    assert anchors[0] + anchors[1] == anchors[2] == 600 and abs(anchors[0] - anchors[1]) < 120


def test_several_target_sites() -> None:
    assert all(SITES[i] in "AB" for batch in anchored(target=["A", "B"]) for i in batch[-2:])


def test_every_site_and_class_is_in_every_batch() -> None:
    for per_group in (1, 2):
        sampler = class_aware(per_group=per_group)
        batches = list(sampler)
        assert len(batches) == len(sampler) == 14 // (4 * per_group)
        for batch in batches:
            assert Counter(map(group, batch)) == dict.fromkeys([("A", 0), ("A", 1), ("B", 1), ("C", 0)], per_group)


def test_without_sites_every_class_is_in_every_batch() -> None:
    labels = [0] * 9 + [1] * 4 + [2] * 3
    batches = list(ClassAwareBatchSampler(labels, per_group=2))
    assert len(batches) == 2 and all(Counter(labels[i] for i in batch) == {0: 2, 1: 2, 2: 2} for batch in batches)


def test_a_small_group_goes_round() -> None:
    labels, sites = [0] * 8 + [1] * 2, ["A"] * 10
    drawn = [batch[1] for batch in ClassAwareBatchSampler(labels, sites)]
    assert len(drawn) == 5 and {drawn[0], drawn[1]} == {drawn[2], drawn[3]} == {8, 9}


@pytest.mark.parametrize("make", [anchored, class_aware])
def test_batches_depend_on_seed_and_epoch(make) -> None:
    def batches(seed: int, epoch: int) -> list[list[int]]:
        sampler = make(seed=seed)
        engine = Engine(lambda engine, batch: None)
        engine.state.epoch = epoch
        EpochSeed(5, sampler=sampler)(engine)
        return list(sampler)

    assert batches(0, 3) == batches(0, 3)
    assert batches(0, 3) != batches(0, 4) != batches(1, 4) != batches(0, 3)


@pytest.mark.parametrize("make", [anchored, class_aware])
def test_processes_share_the_batches_of_one(make) -> None:
    alone = list(make(batch_size=3) if make is anchored else make())
    parts = [list(make(**({"batch_size": 3} if make is anchored else {}), rank=r, world_size=2)) for r in range(2)]
    assert len(parts[0]) == len(parts[1]) == len(alone) // 2
    assert [batch for pair in zip(*parts, strict=True) for batch in pair] == alone[: 2 * len(parts[0])]


@pytest.mark.parametrize("loader", [torch.utils.data.DataLoader, monai.data.DataLoader])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_training_sees_the_batches(loader, workers: int) -> None:
    data = [{"image": torch.full((1, 2, 2), float(i)), "label": LABELS[i], "site": SITES[i]} for i in range(14)]
    dataset = VolumeDataset(data, progress=False)
    sampler = AnchorBatchSampler(dataset.labels, dataset.sites, "A", batch_size=4)
    network, seen = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2)), []

    def loss(output, targets) -> torch.Tensor:
        seen.append((targets.anchor.tolist(), targets.label.tolist()))
        return torch.nn.functional.cross_entropy(output, targets.label)

    trainer = SupervisedTrainer(
        device="cpu",
        max_epochs=2,
        train_data_loader=loader(dataset, batch_sampler=sampler, num_workers=workers),
        network=network,
        optimizer=torch.optim.SGD(network.parameters()),
        loss_function=loss,
        prepare_batch=SitePrepareBatch("ABC", "A", anchors=2),
        train_handlers=[EpochSeed(0, sampler=sampler)],
        decollate=False,
    )
    trainer.run()
    assert trainer.state.epoch_length == 3 and len(seen) == 6
    expected = []
    for epoch in (1, 2):
        sampler.set_epoch(epoch)
        expected += [([False] * 4 + [True] * 2, [LABELS[i] for i in batch]) for batch in sampler]
    assert seen == expected


def test_one_target_image_of_a_class_is_enough_and_none_is_not() -> None:
    with pytest.raises(DataError, match=r"every class in the target domain \(B\), found none of class 0"):
        anchored(target="B")
    with pytest.raises(DataError, match=r"\(X\), found none of class 0, 1"):
        anchored(target="X")


def test_bad_arguments() -> None:
    with pytest.raises(DataError, match=r"1 batch\(es\) of 15 images, found 14 image.*--batch_size"):
        anchored(batch_size=15)
    for change in ({"batch_size": 0}, {"batch_size": -2, "per_class": 2}, {"per_class": -1}):
        with pytest.raises(DataError, match="give more --images, or fewer --anchors"):
            anchored(**change)
    with pytest.raises(DataError, match=r"2 batch\(es\) of 8 images"):
        anchored(batch_size=8, world_size=2)
    with pytest.raises(DataError, match="found 14"):
        class_aware(per_group=4)
    with pytest.raises(DataError, match="found 2 and 1"):
        ClassAwareBatchSampler([0, 1], ["A"])
    for change in ({"seed": -1}, {"rank": 1}, {"world_size": 0, "rank": 0}):
        with pytest.raises(DataError):
            anchored(**change)


def test_several_anchors_of_each_class_or_none():
    several = list(anchored(per_class=2))
    assert all(len(batch) == 4 + 2 * 2 for batch in several)
    assert {tuple(LABELS[i] for i in batch[4:]) for batch in several} == {(0, 0, 1, 1)}
    assert {SITES[i] for batch in several for i in batch[4:]} == {"A"}
    assert all(len(batch) == 4 for batch in anchored(per_class=0))
