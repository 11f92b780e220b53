# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anomaly.apps.benchmark import SETTINGS, benchmark
from monai_anomaly.apps.counting import CountCalls
from monai_anomaly.utils import DataError

CONFIG = str(Path(__file__).resolve().parents[2] / "bundles" / "diffanomaly" / "configs" / "train.json")


@pytest.fixture
def tiny(tmp_path) -> dict:
    return {
        "phantom_dir": str(tmp_path / "phantom"),
        "phantom": {"subjects": 8, "spacing": 6.0, "healthy_fraction": 0.25, "split": [0.5, 0.25, 0.25]},
        "spatial_size": [32, 40],
        "pixdim": [6.0, 6.0, -1.0],
        "slice_range": [8, 20],
        "min_lesion_pixels": 1,
        "device": "cpu",
    }


def test_settings_switch_one_part_on_at_a_time() -> None:
    for steps in (50, 25, 12, 6):
        rows = [s for s in SETTINGS.values() if s.get("steps") == steps]
        parts = [(s["exact"], s["order"], s["substeps"] > 1) for s in rows]
        assert parts == [(False, 1, False), (True, 1, False), (True, 2, False), (True, 2, True)]


@pytest.fixture
def model(tmp_path) -> str:
    parser = ConfigParser()
    parser.read_config(CONFIG)
    torch.save(parser.get_parsed_content("network_def").state_dict(), tmp_path / "model.pt")
    return str(tmp_path / "model.pt")


def test_benchmark_counts_scores_and_goes_on(tmp_path, tiny, model) -> None:
    out, only = tmp_path / "benchmark.json", "6+6 exact, order 2"
    arguments = {"config": CONFIG, "validation_slices": 3, "test_slices": 3, **tiny}
    table = benchmark(model, out, only=only, **arguments)
    result = json.loads(out.read_text(encoding="utf-8"))
    (rows,) = result["rows"].values()
    split = rows["6+6 exact, order 2, split 16"]
    assert (split["denoiser_calls"], split["guide_calls"]) == (13, 96)
    assert rows["6+6 exact, order 2"]["guide_calls"] == 6
    assert "6+6 exact, order 2" in table and (tmp_path / "benchmark.md").read_text(encoding="utf-8") == table

    dice = [d for d in split["per_slice"]["dice"] if d is not None]
    assert len(split["per_slice"]["dice"]) == len(result["slices"]["test"]["subject"]) == 3 and len(dice) == 2
    assert sum(dice) / 2 == pytest.approx(split["dice"], abs=1e-4)
    difference = result["differences"]["6+6 exact, order 2, split 16"]
    assert difference["dice"]["value"] == pytest.approx(split["dice"] - rows[only]["dice"], abs=1e-4)

    rows[only]["dice"] = 0.123
    del rows["6+6 exact, order 2, split 16"]  # as if interrupted before it
    out.write_text(json.dumps({**result, "rows": {model: rows}}))
    assert "0.1230" in benchmark(model, out, only=only, **arguments)
    again = json.loads(out.read_text(encoding="utf-8"))["rows"][model]
    assert again["6+6 exact, order 2, split 16"]["per_slice"] == split["per_slice"]

    for changed, message in (
        ({"test_slices": 9}, "test slices 9, found one with 3"),
        ({"inferer#scale": 1.0}, "inferer scale 1.0, found one with 10.0"),
        ({"slice_range": [8, 16]}, "slice_range 1 16, found one with 20"),
    ):
        with pytest.raises(DataError, match=rf"benchmark\.json: expected a benchmark with .*{message}"):
            benchmark(model, out, only=only, **{**arguments, **changed})
    network = torch.load(model)
    torch.save({k: v + 1 for k, v in network.items()}, model)
    with pytest.raises(DataError, match=r"benchmark\.json: .*model\.pt sha256"):
        benchmark(model, out, only=only, **arguments)


def test_each_checkpoint_has_the_configuration_of_its_own_seed(tmp_path, tiny, model) -> None:
    out, other = tmp_path / "benchmark.json", str(tmp_path / "other.pt")
    shutil.copy(model, other)
    arguments = {"only": "6+6 exact", "config": CONFIG, "validation_slices": 3, "test_slices": 3, **tiny}
    checkpoints = {model: {}, other: {"seed": 7, "inferer#scale": 0.0}}
    benchmark(checkpoints, out, **arguments)
    result = json.loads(out.read_text(encoding="utf-8"))
    assert [result["checkpoints"][c]["config"]["seed"] for c in checkpoints] == [0, 7]
    assert [result["checkpoints"][c]["config"]["inferer"]["scale"] for c in checkpoints] == [10.0, 0.0]
    assert [result["rows"][c]["6+6 exact"]["guide_calls"] for c in checkpoints] == [6, 0]
    with pytest.raises(DataError, match=r"benchmark\.json: .*other\.pt config .*found one with"):
        benchmark([model, other], out, **arguments)
    with pytest.raises(DataError, match=r"new\.json: expected a benchmark with .*other\.pt (validation|test) s"):
        benchmark({model: {}, other: {"slice_range": [8, 12]}}, tmp_path / "new.json", **arguments)
    assert not (tmp_path / "new.json").exists()  # noticed before anything was run


def test_benchmark_refuses_a_file_that_is_none(tmp_path, tiny) -> None:
    (tmp_path / "benchmark.json").write_text("{")
    with pytest.raises(DataError, match=r"benchmark\.json: expected the JSON of a benchmark"):
        benchmark("model.pt", tmp_path / "benchmark.json", config=CONFIG, **tiny)


def test_benchmark_refuses_settings_that_are_none(tmp_path, tiny) -> None:
    with pytest.raises(ValueError, match=r"only must be .*DDIM 12\+12'.*got '13\+13'"):
        benchmark("model.pt", tmp_path / "benchmark.json", config=CONFIG, only="13+13", **tiny)


def test_benchmark_says_at_once_that_a_checkpoint_is_missing(tmp_path, tiny, model) -> None:
    with pytest.raises(DataError, match=r"none\.pt: expected the weights of a training, found no such file"):
        benchmark([model, str(tmp_path / "none.pt")], tmp_path / "benchmark.json", config=CONFIG, **tiny)


def test_count_calls() -> None:
    network = torch.nn.Linear(2, 2)
    with CountCalls(network) as count:
        network(torch.zeros(3, 2))
        network(torch.zeros(4, 2))
    network(torch.zeros(5, 2))
    assert count.samples == 7


def test_the_command_line_says_what_is_wrong_in_one_line(tmp_path) -> None:
    command = [sys.executable, "-m", "monai_anomaly", "datalist", "brats", str(tmp_path / "none"), "out.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1].startswith(f"error: {tmp_path / 'none'}: expected")
