# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.benchmarks.benchmark import benchmark
from monai_anomaly.utils import DataError

from .toy import write_config, write_weights

MAPS: dict[str, Any] = {
    "test_cases": 6,
    "validation_cases": 3,
    "count": ["part"],
    "scores": ["dice_validation", "pixel_ap", "image_auroc_map"],
    "few": {"steps": 1},
    "settings": {
        "own": {},
        "1 step": "$dict(@benchmark#few)",
        "noisy": {"strength": 0.1},
        "no level": {"level": None, "steps": 3},
    },
}
MASKS: dict[str, Any] = {
    "validation_cases": 0,
    "scores": ["dice (1 sample)", "dice", "ece"],
    "settings": {"low": {}, "high": {"threshold": 0.66}},
}


@pytest.fixture
def config(tmp_path: Path) -> str:
    return write_config(tmp_path, **MAPS)


@pytest.fixture
def model(tmp_path: Path) -> str:
    return write_weights(tmp_path / "model.pt")


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def cells(table: str) -> dict[str, list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line]
    return {name: others for name, *others in rows}


def test_every_setting_is_counted_scored_and_compared(tmp_path: Path, config: str, model: str) -> None:
    out = tmp_path / "b.json"
    table = benchmark(model, out, config)
    result = read(out)
    rows = result["rows"][model]
    assert (tmp_path / "b.md").read_text(encoding="utf-8") == table
    assert {name: row["evaluations"]["part"] for name, row in rows.items()} == {
        "own": 2,
        "1 step": 1,
        "noisy": 2,
        "no level": 3,
    }
    own, noisy = (rows[name]["parts"]["all"] for name in ("own", "noisy"))
    assert len(result["cases"]["test"]["subject"]) == 6 and len(result["cases"]["validation"]["subject"]) == 3
    assert rows["1 step"]["parts"] == rows["own"]["parts"] and own != noisy
    pairs = [(a, b) for a, b in zip(noisy["cases"]["pixel_ap"], own["cases"]["pixel_ap"], strict=True) if a is not None]
    assert len(pairs) == sum(n > 0 for n in result["cases"]["test"]["lesion_pixels"]) == 4
    difference = result["differences"]["all"]["noisy"]["pixel_ap"]
    assert difference["value"] == pytest.approx(sum(a - b for a, b in pairs) / 4) and difference["ci95"][1] < 0
    assert own["scores"]["pixel_ap"] == pytest.approx(sum(b for _, b in pairs) / 4, abs=1e-5)
    # the threshold is each setting's own, chosen on validation cases
    assert own["scores"]["dice_validation"] > noisy["scores"]["dice_validation"]
    # a score of all cases together has no paired difference
    title = next(line for line in table.splitlines() if line.startswith("| setting"))
    assert [t.strip() for t in title.strip("|").split("|")][1:7] == [
        "dice validation",
        "Δ (95 %)",
        "pixel ap",
        "Δ (95 %)",
        "image auroc map",
        "part",
    ]


def test_an_interrupted_benchmark_continues(tmp_path: Path, config: str, model: str) -> None:
    out = tmp_path / "b.json"
    benchmark(model, out, config)
    result = read(out)
    before = result["rows"][model].pop("noisy")
    result["rows"][model]["own"]["seconds"] = 123.4
    out.write_text(json.dumps(result))
    assert cells(benchmark(model, out, config))["own"][-2] == "123.4"
    assert read(out)["rows"][model]["noisy"]["parts"] == before["parts"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test_cases": 9}, "test cases 9, found one with 6"),
        ({"inferer#strength": 0.5}, r"model\.pt config inferer strength 0\.5, found one with 0\.9"),
        ({"seed": 1}, r"model\.pt config seed 1, found one with 0"),
        ({"n": 6}, r"model\.pt config n 6, found one with 9"),
        ({"task#border": 1}, r"model\.pt config task border 1, found one with None"),
        ({"benchmark#few#steps": 5}, "1 step benchmark::few steps 5, found one with 1"),
    ],
)
def test_one_that_was_begun_with_something_else_is_refused(
    tmp_path: Path, config: str, model: str, changed: dict[str, Any], message: str
) -> None:
    out = tmp_path / "b.json"
    benchmark(model, out, config, only=["own", "1 step"])
    before = out.read_text(encoding="utf-8")
    benchmark(model, out, config, only="own", **{"optimizer#lr": 1.0})  # changes no number
    with pytest.raises(DataError, match=rf"b\.json: expected a benchmark with .*{message}"):
        benchmark(model, out, config, only=["own", "1 step"], **changed)
    assert json.loads(before)["rows"] == read(out)["rows"]


def test_other_weights_are_refused(tmp_path: Path, config: str, model: str) -> None:
    benchmark(model, tmp_path / "b.json", config, only="own")
    write_weights(Path(model), 2.0)
    with pytest.raises(DataError, match=r"b\.json: .*model\.pt sha256"):
        benchmark(model, tmp_path / "b.json", config, only="own")


def test_each_checkpoint_has_overrides_of_its_own(tmp_path: Path, config: str, model: str) -> None:
    out, other = tmp_path / "b.json", write_weights(tmp_path / "other.pt", 0.5)
    checkpoints = {model: {}, other: {"inferer#steps": 7}}
    table = benchmark(checkpoints, out, config, only=["own", "noisy"])
    result = read(out)
    assert [result["rows"][name]["own"]["evaluations"]["part"] for name in checkpoints] == [2, 7]
    assert result["differences"]["all"]["noisy"]["checkpoints"] == 2 and " ± " in cells(table)["own"][0]
    with pytest.raises(DataError, match=r"b\.json: .*other\.pt config inferer .*found one with"):
        benchmark([model, other], out, config)
    with pytest.raises(DataError, match=r"new\.json: expected a benchmark with .*other\.pt validation "):
        benchmark({model: {}, other: {"n": 5}}, tmp_path / "new.json", config)
    assert not (tmp_path / "new.json").exists()  # noticed before anything was run


def test_an_ensemble_stands_beside_one_of_its_samples(tmp_path: Path, model: str) -> None:
    config = write_config(tmp_path, "blobs", **MASKS)
    table = benchmark(model, tmp_path / "b.json", config)
    result = read(tmp_path / "b.json")
    assert list(result["cases"]) == ["test"] and len(result["cases"]["test"]["slice"]) == 9
    low, high = (result["rows"][model][name]["parts"]["lesion"] for name in ("low", "high"))
    for score in ("dice", "dice (1 sample)"):
        known = [d for d in low["cases"][score] if d is not None]
        assert len(known) == 6 and sum(known) / 6 == pytest.approx(low["scores"][score], abs=1e-5)
        assert low["scores"][score] > high["scores"][score]
        assert result["differences"]["lesion"]["high"][score]["value"] < 0
    assert low["scores"]["dice"] != low["scores"]["dice (1 sample)"]
    assert cells(table)["low"][4] == f"{low['scores']['ece']:.4f}"


def test_what_is_wrong_is_said_before_anything_is_run(tmp_path: Path, config: str, model: str) -> None:
    with pytest.raises(ValueError, match=r"only must be .*'no level'.*got '13\+13'"):
        benchmark(model, tmp_path / "b.json", config, only="13+13")
    with pytest.raises(DataError, match=r"none\.pt: expected the weights of a training, found no such file"):
        benchmark([model, str(tmp_path / "none.pt")], tmp_path / "b.json", config)
    with pytest.raises(ValueError, match=r"benchmark#count must name parts of the network, \['part'\], got \['unet'\]"):
        benchmark(model, tmp_path / "b.json", config, **{"benchmark#count": ["part", "unet"]})
    assert not (tmp_path / "b.json").exists()
    (tmp_path / "other.json").write_text('{"network": 1, "inferer": 1}')
    with pytest.raises(DataError, match=r"other\.json: expected .*found no task, benchmark; .*configs/benchmark\.json"):
        benchmark(model, tmp_path / "b.json", str(tmp_path / "other.json"))
