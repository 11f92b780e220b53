# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anomaly.apps.benchmark_setup import chosen_settings
from monai_anomaly.apps.segmentation_benchmark import SETTINGS, segmentation_benchmark
from monai_anomaly.data import write_phantom
from monai_anomaly.inferers import MaskEnsembleInferer
from monai_anomaly.utils import DataError
from tests.bundles.tiny_network import TINY_DIFFUSION

CONFIGS = Path(__file__).resolve().parents[2] / "bundles" / "diffseg" / "configs"
CONFIG = [str(CONFIGS / f"{name}.json") for name in ("train", "regions")]
TWO, ONE = "2 steps, ancestral", "1 step, ancestral"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("data") / "phantom"
    split = [0.25, 0.25, 0.5]
    write_phantom(folder, subjects=4, spacing=6.0, healthy_fraction=0.0, split=split, progress=False)
    return {
        **TINY_DIFFUSION,
        "dataset_dir": str(folder),
        "spatial_size": [32, 40],
        "pixdim": [6.0, 6.0, -1.0],
        "slice_range": [8, 20],
        "device": "cpu",
        "inferer#num_samples": 2,
    }


@pytest.fixture
def model(tmp_path: Path, tiny: dict[str, Any]) -> str:
    parser = ConfigParser()
    parser.read_config(CONFIG)
    parser.update(tiny)
    torch.manual_seed(0)
    torch.save(parser.get_parsed_content("network_def").state_dict(), tmp_path / "model.pt")
    return str(tmp_path / "model.pt")


def test_the_paper_comes_first_and_all_settings_exist() -> None:
    name, setting = next(iter(SETTINGS.items()))
    assert name == "1000-step DDPM" and setting == {"steps": 1000, "solver": "ancestral"}
    for setting in SETTINGS.values():
        assert len(MaskEnsembleInferer(**setting).grid) == setting["steps"] + 1
    assert len({json.dumps(s) for s in SETTINGS.values()}) == len(SETTINGS) == 16


@pytest.mark.parametrize("steps", [1, 2, 5, 10, 20, 50, 250])
def test_steps_can_be_chosen(steps: int) -> None:
    assert {s["steps"] for s in chosen_settings(SETTINGS, f"{steps} step").values()} == {steps}


def test_it_counts_scores_and_goes_on(tmp_path: Path, tiny: dict[str, Any], model: str) -> None:
    out = tmp_path / "benchmark.json"
    arguments: dict[str, Any] = {"config": CONFIG, "test_slices": 3, "only": [TWO, ONE], **tiny}
    table = segmentation_benchmark(model, out, **arguments)
    result = json.loads(out.read_text(encoding="utf-8"))
    assert [result["rows"][name]["evaluations"] for name in (TWO, ONE)] == [2, 1]
    assert list(result["rows"][ONE]["regions"]) == list(result["differences"]) == ["WT", "TC", "ET"]
    scores = result["rows"][ONE]["regions"]["WT"]
    slices = result["slices"]["test"]
    known = [d for d in scores["per_slice"]["dice"] if d is not None]
    assert len(slices["subject"]) == 3 and len(known) == sum(n > 0 for n in slices["lesion_pixels"]) == 2
    assert sum(known) / 2 == pytest.approx(scores["dice"], abs=1e-4)
    less = result["differences"]["WT"][ONE]
    assert less["ece"] == pytest.approx(scores["ece"] - result["rows"][TWO]["regions"]["WT"]["ece"])
    assert (tmp_path / "benchmark.md").read_text(encoding="utf-8") == table and TWO in table and "n = 2" in table

    first = result["rows"].pop(TWO)  # as if interrupted
    result["rows"][ONE]["seconds"] = 123.4
    out.write_text(json.dumps(result))
    assert "123.4" in segmentation_benchmark(model, out, **arguments)
    again = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert again[TWO]["regions"] == first["regions"]

    for changed, message in (
        ({"test_slices": 9}, "test slices 9, found one with 3"),
        ({"inferer#num_samples": 3}, "model config inferer num_samples 3, found one with 2"),
        ({"pixdim": [5.0, 5.0, -1.0]}, r"model config pixdim 0 5\.0, found one with 6\.0"),
    ):
        with pytest.raises(DataError, match=rf"benchmark\.json: expected a benchmark with .*{message}"):
            segmentation_benchmark(model, out, **{**arguments, **changed})
    torch.save({k: v + 1 for k, v in torch.load(model).items()}, model)
    with pytest.raises(DataError, match=r"benchmark\.json: .*model sha256"):
        segmentation_benchmark(model, out, **arguments)


def test_one_sample_and_the_whole_set(tmp_path: Path, tiny: dict[str, Any], model: str) -> None:
    overrides = {**tiny, "inferer#num_samples": 1, "inferer#batch_size": 4, "test_step": 3}
    segmentation_benchmark(model, tmp_path / "b.json", CONFIG, only=ONE, **overrides)
    result = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    scores = result["rows"][ONE]["regions"]["WT"]
    assert scores["one_sample"]["dice"] == scores["dice"] and result["differences"]["WT"] == {}
    assert len(result["slices"]["test"]["slice"]) == len(scores["per_slice"]["dice"]) > 3


def test_other_configurations_are_refused(tmp_path: Path, tiny: dict[str, Any]) -> None:
    config = [CONFIG[0], str(CONFIGS / "segnet.json")]
    with pytest.raises(ValueError, match=r"config must have a MaskEnsembleInferer, got .*SinglePassInferer"):
        segmentation_benchmark("model.pt", tmp_path / "b.json", config)
    with pytest.raises(ValueError, match=r"only must be .*got '7 steps'"):
        segmentation_benchmark("model.pt", tmp_path / "b.json", CONFIG, only="7 steps")
    with pytest.raises(DataError, match=r"none\.pt: expected the weights of a training"):
        segmentation_benchmark(tmp_path / "none.pt", tmp_path / "b.json", CONFIG, **tiny)
    assert not (tmp_path / "b.json").exists()
