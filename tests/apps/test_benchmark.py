# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser

from monai_anomaly.apps.benchmark import SETTINGS, benchmark
from monai_anomaly.apps.counting import CountCalls
from monai_anomaly.apps.speed import speed
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
        rows = [s for n, s in SETTINGS.items() if s["steps"] == steps]
        parts = [(s["exact"], s["order"], s["substeps"] > 1) for s in rows]
        assert parts == [(False, 1, False), (True, 1, False), (True, 2, False), (True, 2, True)]


def test_benchmark_counts_scores_and_goes_on(tmp_path, tiny) -> None:
    parser = ConfigParser()
    parser.read_config(CONFIG)
    network = parser.get_parsed_content("network_def")
    torch.save(network.state_dict(), tmp_path / "model.pt")
    out = tmp_path / "benchmark.json"
    arguments = {"config": CONFIG, "validation_slices": 3, "test_slices": 3, **tiny}
    table = benchmark(str(tmp_path / "model.pt"), out, only="6+6 exact, order 2", **arguments)
    (rows,) = json.loads(out.read_text())["rows"].values()
    split = rows["6+6 exact, order 2, split 16"]
    assert (split["denoiser_calls"], split["guide_calls"]) == (11, 96)
    assert rows["6+6 exact, order 2"]["guide_calls"] == 6
    assert "6+6 exact, order 2" in table and (tmp_path / "benchmark.md").read_text() == table
    rows["6+6 exact, order 2"]["dice"] = 0.123
    out.write_text(json.dumps({**json.loads(out.read_text()), "rows": {str(tmp_path / "model.pt"): rows}}))
    assert "0.1230" in benchmark(str(tmp_path / "model.pt"), out, only="6+6 exact, order 2", **arguments)


def test_benchmark_refuses_a_file_that_is_none(tmp_path, tiny) -> None:
    (tmp_path / "benchmark.json").write_text("{")
    with pytest.raises(DataError, match=r"benchmark\.json: expected the JSON of a benchmark"):
        benchmark("model.pt", tmp_path / "benchmark.json", config=CONFIG, **tiny)


def test_count_calls() -> None:
    network = torch.nn.Linear(2, 2)
    with CountCalls(network) as count:
        network(torch.zeros(3, 2))
        network(torch.zeros(4, 2))
    network(torch.zeros(5, 2))
    assert count.samples == 7


def test_speed(tiny) -> None:
    result = json.loads(speed(CONFIG, batch_size=2, steps=1, **tiny))
    assert result["image"] == [4, 32, 40]
    assert all(result[k]["seconds"] > 0 and result[k]["peak_gib"] > 0 for k in ("guided_step", "training_step"))


def test_the_command_line_says_what_is_wrong_in_one_line(tmp_path) -> None:
    command = [sys.executable, "-m", "monai_anomaly", "datalist", "brats", str(tmp_path / "none"), "out.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1].startswith(f"error: {tmp_path / 'none'}: expected")
