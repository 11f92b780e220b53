# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import DataLoader, MetaTensor
from monai.engines import SupervisedEvaluator
from torch import nn

from monai_anomaly.diffusion import AreaGuidance, IntensityGuidance
from monai_anomaly.evaluation import CollectCases, Translation
from monai_anomaly.handlers import IndependentSegmentation, MeasuredValues, TaskSegmentation
from monai_anomaly.utils import DataError

IMAGE = torch.rand(3, 2, 12, 10, generator=torch.Generator().manual_seed(0))


class Bright(nn.Module):
    """A lesion is where the last channel is above 0.7."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(100.0))

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor | None = None) -> torch.Tensor:
        assert timesteps is None or not timesteps.any()
        return self.scale * (x[:, -1:] - 0.7)


class Mean(nn.Module):
    def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        assert not timesteps.any()
        return x.flatten(1).mean(1, keepdim=True)


class Tasks(nn.Module):
    def __init__(self, **tasks: nn.Module) -> None:
        super().__init__()
        self.tasks = tasks


def brighter(x: torch.Tensor, network: Any) -> dict[str, torch.Tensor]:
    return {"reconstruction": x + 0.2, "reconstruction_1": x - 0.2, "map": x[:, :1]}


def images(x: torch.Tensor = IMAGE) -> dict[str, torch.Tensor]:
    return {"image": x, **brighter(x, None)}


def masks(x: torch.Tensor) -> torch.Tensor:
    return (x[:, -1:] > 0.7).float()


def test_values_before_and_after() -> None:
    found = MeasuredValues(Tasks(age=Mean()), "age").measure(images())
    assert set(found) == {"value_before", "value_after", "value_after_1"}
    mean = IMAGE.flatten(1).mean(1)
    for name, shift in (("value_before", 0), ("value_after", 0.2), ("value_after_1", -0.2)):
        torch.testing.assert_close(found[name], mean + shift)


@pytest.mark.parametrize("options", [{}, {"target": 0.3}, {"direction": -1}, {"factor": 2.0}])
def test_a_guide_measures_as_it_guides(options: dict[str, Any]) -> None:
    guide = AreaGuidance(task="tumor", background=-1.0, **options)
    found = MeasuredValues(Tasks(tumor=Bright()), guide).measure(images())
    torch.testing.assert_close(found["value_after"], masks(IMAGE + 0.2).flatten(1).mean(1), atol=0.02, rtol=0)


def test_a_guide_without_a_network_tells_where_it_leads() -> None:
    guide = IntensityGuidance(channel=1, shift=0.3, scale=0.0, background=-1.0)
    found = MeasuredValues(nn.Identity(), guide, name="other").measure(images())
    mean = IMAGE[:, 1].flatten(1).mean(1)
    for name, shift in (("before", 0), ("after", 0.2), ("after_1", -0.2), ("wanted", 0.3)):
        torch.testing.assert_close(found[f"other_{name}"], mean + shift)
    volume = IMAGE[..., None] * torch.arange(3)
    found = MeasuredValues(nn.Identity(), guide).measure({"image": volume, "reconstruction": volume})
    torch.testing.assert_close(found["value_wanted"][:, 1:], mean[:, None] * torch.arange(1, 3) + 0.3)
    assert found["value_wanted"][:, 0].isnan().all()


def test_a_volume_is_measured_slice_by_slice() -> None:
    volume = IMAGE[:, :, None].repeat(1, 1, 5, 1, 1).movedim(2, -1) * torch.arange(5)
    found = MeasuredValues(Tasks(age=Mean()), "age").measure({"image": volume, "reconstruction": volume + 1})
    assert found["value_after"].shape == (3, 5) and found["value_after"][:, 0].isnan().all()
    torch.testing.assert_close(found["value_after"][:, 1:], volume[..., 1:].mean((1, 2, 3)) + 1)
    part = MeasuredValues(Tasks(age=Mean()), "age", name="age", slice_range=[2, 4])
    found = part.measure({"image": volume, "reconstruction": volume + 1})
    assert found["age_before"].isfinite().all(0).tolist() == [False, False, True, True, False]
    judged = IndependentSegmentation(Bright()).measure({"image": volume, "reconstruction": volume + 1})
    assert judged["found_before"].shape == (3, 1, 12, 10, 5)
    torch.testing.assert_close(judged["found_before"][..., 2], masks(volume[..., 2]))


def test_masks_before_and_after_and_of_the_truth() -> None:
    found = IndependentSegmentation(Bright()).measure({**images(), "target": MetaTensor(IMAGE + 0.1)})
    for name, shift in (("before", 0), ("after", 0.2), ("after_1", -0.2), ("truth", 0.1)):
        torch.testing.assert_close(torch.as_tensor(found[f"found_{name}"]), masks(IMAGE + shift))
    assert "found_truth" not in IndependentSegmentation(Bright()).measure(images())
    darker = IndependentSegmentation(Bright(), transform=lambda x: x - 0.2)
    torch.testing.assert_close(darker.measure(images())["found_after"], masks(IMAGE))


def test_the_guiding_segmenter_tells_what_it_sees() -> None:
    network = Tasks(tumor=Bright())
    found = TaskSegmentation(network, "tumor").measure(images())
    torch.testing.assert_close(found["found_after_1"], masks(IMAGE - 0.2))
    network.tasks["tumor"].scale.data *= -1  # weights that come later
    torch.testing.assert_close(TaskSegmentation(network, "tumor").measure(images())["found_before"], 1 - masks(IMAGE))
    with pytest.raises(DataError, match=r"the task 'segmenter', found the tasks \['tumor'\]"):
        TaskSegmentation(network).measure(images())


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    torch.save({"scale": torch.tensor(-100.0)}, tmp_path / "model.pt")
    found = IndependentSegmentation(Bright(), tmp_path / "model.pt").measure(images())
    torch.testing.assert_close(found["found_before"], 1 - masks(IMAGE))
    with pytest.raises(DataError, match=r"none\.pt"):
        IndependentSegmentation(Bright(), tmp_path / "none.pt")


def test_missing_weights_are_an_error_or_a_line_of_advice(tmp_path: Path) -> None:
    nothing = tmp_path / "segmenter.pt"
    with pytest.raises(DataError, match=r"segmenter\.pt"):
        IndependentSegmentation(Bright(), nothing)
    with pytest.warns(UserWarning, match=r"segmenter\.pt: no weights of an independent segmenter.*; train one"):
        judge = IndependentSegmentation(Bright(), nothing, advice="train one")
    assert judge.measure(images()) == {}
    torch.save(Bright().state_dict(), nothing)
    assert IndependentSegmentation(Bright(), nothing, advice="train one").measure(images())


def test_cases_collect_what_is_measured() -> None:
    collect = CollectCases(Translation(["a", "b"]))
    data = [{"image": x, "label": 0, "subject": f"s{i}", "target": x + 0.1} for i, x in enumerate(IMAGE)]
    handlers = [MeasuredValues(Tasks(age=Mean()), "age"), IndependentSegmentation(Bright()), collect]
    SupervisedEvaluator(
        "cpu", DataLoader(data, batch_size=2), nn.Identity(), inferer=brighter, val_handlers=handlers, decollate=False
    ).run()
    cases = collect.cases
    assert len(cases) == 3 and all(cases.has(name) for name in ("found_before", "found_after", "found_truth"))
    torch.testing.assert_close(torch.from_numpy(cases["value_after"]).float(), IMAGE.flatten(1).mean(1) + 0.2)
    torch.testing.assert_close(torch.from_numpy(cases["found_truth"]).float(), masks(IMAGE + 0.1))


def test_what_cannot_measure_is_named() -> None:
    with pytest.raises(DataError, match=r"the task 'size', found the tasks \['age'\]"):
        MeasuredValues(Tasks(age=Mean()), "size").measure(images())
    broken = IMAGE.clone()
    broken[1, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match=r"found NaN or infinity in images \[1\]"):
        MeasuredValues(Tasks(age=Mean()), "age").measure({"image": IMAGE, "reconstruction": broken})
    with pytest.raises(DataError, match=r"with region 2, found 1 region\(s\)"):
        IndependentSegmentation(Bright(), region=2).measure(images())
