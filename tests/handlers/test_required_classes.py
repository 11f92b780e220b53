# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.engines import SupervisedTrainer
from torch.utils.data import DataLoader

from monai_anomaly.data import SliceDataset, VolumeDataset
from monai_anomaly.handlers import RequiredClasses
from monai_anomaly.utils import DataError


def slices(*lesions: int, mask: bool = True, label: int | None = None) -> SliceDataset:
    """A slice per subject, with that many lesion pixels, told by a mask, with this label beside it, or by a label."""
    data = []
    for number, pixels in enumerate(lesions):
        image = np.ones((1, 4, 4), np.float32)
        lesion = (np.arange(16).reshape(1, 4, 4) < pixels).astype(np.float32)
        data.append({"image": image, "subject": number, "label": label if mask else int(pixels > 0)})
        data[-1] |= {"mask": lesion} if mask else {}
    return SliceDataset(data, progress=False)


def train(training: SliceDataset, validation: SliceDataset, classes: tuple[int, ...] = (0, 1)) -> int:
    """Batches that a training saw."""
    engine = Engine(lambda engine, batch: None)
    RequiredClasses(training, validation, classes, "folder/datalist.json").attach(engine)
    engine.run([0])
    return engine.state.iteration


def test_a_class_that_is_missing_stops_the_training() -> None:
    both = slices(0, 3)
    assert train(both, both) == 1
    with pytest.raises(
        DataError, match=r"datalist\.json: .* 'training', found 3 slices of class 0, 0 slices of class 1: 3 of .* masks"
    ):
        train(slices(0, 0, 0), both)
    with pytest.raises(DataError, match="found 0 slices of class 0, 2 slices of class 1: they are the labels"):
        train(slices(1, 1, mask=False), both)
    with pytest.warns(UserWarning, match="'validation', found 0 slices of class 0, 1 slices of class 1: 1 of .* masks"):
        assert train(both, slices(3)) == 1


def test_a_method_that_needs_one_class_takes_one() -> None:
    assert train(slices(0, 0), slices(0), (0,)) == 1
    with pytest.raises(DataError, match="0 slices of class 0, 1 slices of class 1"):
        train(slices(1), slices(0), (0,))


@pytest.mark.filterwarnings("ignore:labels and masks disagree")
@pytest.mark.parametrize("classes", [(0, 1), (0,)])
def test_masks_that_are_all_empty_stop_the_training_alone(classes: tuple[int, ...]) -> None:
    """Also that of a method which learns from what is healthy: the diseased would count as such."""
    empty, good = slices(0, 0, label=1), slices(0, 3)
    with pytest.raises(
        DataError, match=r"masks of all 2 diseased sample\(s\) are empty and overrule their labels"
    ) as caught:
        train(empty, good, classes)
    assert len(str(caught.value)) < 300
    with pytest.warns(UserWarning, match="'validation'.* are empty and overrule"):
        assert train(good, empty, classes) == 1


def test_fewer_slices_than_a_batch_are_no_finished_training() -> None:
    few, network = slices(0, 3), torch.nn.Linear(4, 4)
    with pytest.raises(DataError, match=r"datalist\.json: expected at least one batch .* found 2 slice.*--batch_size"):
        SupervisedTrainer(
            device="cpu",
            max_epochs=1,
            train_data_loader=DataLoader(few, batch_size=3, drop_last=True),
            network=network,
            optimizer=torch.optim.SGD(network.parameters()),
            loss_function=torch.nn.MSELoss(),
            train_handlers=[RequiredClasses(few, few, (0, 1), "folder/datalist.json")],
        ).run()


def test_whole_volumes_are_counted_as_images() -> None:
    def volumes(*labels: int) -> VolumeDataset:
        return VolumeDataset([{"image": torch.ones(1, 4, 4, 4), "label": n} for n in labels], progress=False)

    assert train(volumes(0, 1), volumes(0, 1)) == 1
    with pytest.raises(DataError, match="found 2 images of class 0, 0 images of class 1: they are the labels"):
        train(volumes(0, 0), volumes(0, 1))
