# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Trainings that are interrupted, end early, are evaluated again, or are of images without depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Events
from PIL import Image

from monai_anomaly.apps.datalist import datalist

from .tiny_data import TINY_SITES
from .workflow import train, workflow

NAME = "l2i_classification"
ONLY_TRAINING = {"run": ["$@train#trainer.run()"], "epochs": 3}


def folders(folder: Path) -> dict[str, str]:
    return {"ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval")}


@pytest.mark.parametrize("method", [None, "can", "group_dro", "dann"])
def test_resumed_training_ends_with_the_same_weights(
    method: str | None, sites: Path, slices: str, tmp_path: Path
) -> None:
    """Batches, augmentation, and what the losses have learned: heads, weights of the groups, clusters."""
    names = [method] if method else []
    tiny: dict[str, Any] = {**TINY_SITES, **ONLY_TRAINING, "dataset_dir": str(sites), "cache_dir": slices}
    train(NAME, tmp_path / "whole", *names, **tiny)
    broken = workflow(NAME, "train", "train", *names, **folders(tmp_path / "parts"), **tiny)
    trainer = broken.parser.get_parsed_content("train#trainer")
    stop = len(broken.parser.get_parsed_content("train#dataloader")) + 1  # in the second epoch
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=stop), trainer.terminate)
    broken.run()
    assert trainer.state.epoch == 2
    train(NAME, tmp_path / "parts", *names, **tiny)
    files = {path.name for path in (tmp_path / "whole" / "models").glob("*.pt")}
    assert files == {f"{method or 'model'}.pt", f"{method or 'training'}_state.pt"}
    for name in files:
        whole, parts = (torch.load(tmp_path / part / "models" / name, weights_only=True) for part in ("whole", "parts"))
        about = [state.pop("about", {}) for state in (whole, parts)]
        assert all(about[0].get(key) == about[1].get(key) for key in ("data", "settings", "changes"))
        torch.testing.assert_close(parts, whole, rtol=0, atol=0)


def test_training_ends_when_the_target_gets_no_better(sites: Path, slices: str, tmp_path: Path) -> None:
    """Only the validation images of the target domain count."""
    tiny = {**TINY_SITES, "run": ["$@train#trainer.run()"], "epochs": 9, "patience": 1, "dataset_dir": str(sites)}
    made = workflow(NAME, "train", "train", **folders(tmp_path), **tiny, cache_dir=slices)
    worse = iter([0.5, 0.4, 0.6])
    made.parser["validation_loss"] = lambda output, targets: output["logits"].sum() * 0 + next(worse)
    made.run()
    assert made.parser.get_parsed_content("validate#dataset").sites == ["A"] * 4
    assert made.parser.get_parsed_content("train#trainer").state.epoch == 3


def test_evaluation_of_a_trained_model_gives_the_same_report(sites: Path, slices: str, tmp_path: Path) -> None:
    tiny = {**TINY_SITES, "dataset_dir": str(sites), "cache_dir": slices}
    train(NAME, tmp_path, "vanilla", **tiny)
    report = tmp_path / "eval" / "metrics.json"
    first = json.loads(report.read_text(encoding="utf-8"))
    report.unlink()
    train(NAME, tmp_path, "vanilla", "evaluate", **tiny)
    second = json.loads(report.read_text(encoding="utf-8"))
    assert first["parts"] == second["parts"]


def test_another_split_has_other_people_in_the_same_numbers(sites: Path, slices: str, tmp_path: Path) -> None:
    tiny = {**TINY_SITES, **ONLY_TRAINING, "dataset_dir": str(sites), "cache_dir": slices}
    made = [workflow(NAME, "train", "train", **folders(tmp_path), **tiny, split=split) for split in (1, 2)]
    summaries = [m.parser.get_parsed_content("train#dataset").summary for m in made]
    assert summaries[0]["sites"] == summaries[1]["sites"] == {"A": 10, "B": 6, "C": 4, "D": 4}
    assert summaries[0]["fingerprint"] != summaries[1]["fingerprint"]


@pytest.mark.parametrize("method", [(), ("class_aware", "target_only")])
def test_setting_of_the_thesis_trains(method: tuple[str, ...], sites: Path, slices: str, tmp_path: Path) -> None:
    """At a tiny size; what it cuts off at random is filled up again."""
    tiny = {key: value for key, value in TINY_SITES.items() if key not in ("phantom", "batch_size")}
    tiny |= {"network_def#encoder#padding": True, "network_def#encoder#blocks": [1, 1, 1], "channel_names": ["flair"]}
    tiny |= {"dataset_dir": str(sites), "target_site": "A", "cache_dir": slices, "images": 8, "anchors": 1}
    train(NAME, tmp_path, "thesis", *method, **tiny)
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert report["provenance"]["config"] == "_".join(["thesis", *method])
    state = torch.load(next((tmp_path / "models").glob("*_state.pt")), weights_only=True)
    rates = [group["lr"] for group in state["objects"]["optimizer"]["param_groups"]]
    assert rates == [5e-5, 1e-4]


def test_images_without_depth(tmp_path: Path) -> None:
    """From a table of pictures to the report, by arguments alone."""
    rng = np.random.default_rng(0)
    rows = ["file,label,site,person"]
    for number in range(30):
        site, label = ("A", number % 2) if number < 12 else ("BC"[number % 2], number % 2)
        pixels = rng.integers(0, 255, (36, 44), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"x{number}.png")
        rows.append(f"x{number}.png,{label},{site},{number}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    table = {"label": "label", "subject": "person", "site": "site", "target": "A", "split": (0.5, 0.2, 0.3)}
    datalist("table", str(tmp_path / "table.csv"), str(tmp_path / "datalist.json"), **table)
    tiny = {key: value for key, value in TINY_SITES.items() if key != "phantom"}
    tiny |= {"spatial_size": [33, 40], "axcodes": "RA", "pixdim": [-1.0, -1.0], "channel_names": ["image"]}
    train(NAME, tmp_path, dataset_dir=str(tmp_path), **tiny)
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert {"all", "target", "source", "A", "B", "C"} == set(report["parts"])
