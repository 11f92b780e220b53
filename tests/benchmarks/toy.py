# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A method that takes no time: a network of one weight, and an inferer that applies it several times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from monai_anomaly.evaluation import Cases
from tests.evaluation.blobs import make_blobs
from tests.evaluation.squares import make_squares

HERE = "tests.benchmarks.toy"


class ToyNetwork(torch.nn.Module):
    """Scales images by the weight of its ``part``."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.part = torch.nn.Conv2d(1, 1, 1, bias=False)
        torch.nn.init.constant_(self.part.weight, weight)


class ToySet(torch.utils.data.Dataset):
    """Synthetic cases as a data set, without what a method made of them."""

    def __init__(self, kind: str, seed: int = 0, n: int = 9) -> None:
        cases: Cases = {"squares": make_squares, "blobs": make_blobs}[kind](seed=seed, n=n)
        known = ("image", "mask", "twin", "label", "subject", "slice")
        self.rows = [{k: case[k] for k in known if case.get(k) is not None} for case in cases]
        self.labels = [int(row["mask"].any()) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


class ToyMaps:
    """Bright and dark is anomalous, as far as ``strength`` says; the rest of the map is noise."""

    def __init__(self, steps: int = 2, strength: float = 1.0, level: torch.Tensor | None = None) -> None:
        self.steps, self.strength, self.level = steps, strength, level

    slices_at_a_time = 4

    def __call__(self, images: torch.Tensor, network: ToyNetwork) -> dict[str, torch.Tensor]:
        images = images.float()
        for _ in range(self.steps):
            found = network.part(images)
        noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
        reconstruction = found * 0 - 0.15 if self.level is None else found * 0 + self.level
        anomaly = self.strength * (found - reconstruction).abs() + (1 - self.strength) * noise
        return {"map": anomaly, "reconstruction": reconstruction}


class ToyMasks:
    """Samples of two thresholds of the second channel."""

    def __init__(self, threshold: float = 0.6, samples: int = 2) -> None:
        self.threshold, self.samples = threshold, samples

    def one_step(self, images: torch.Tensor, network: ToyNetwork) -> None:
        """Nothing to warm up."""

    def __call__(self, images: torch.Tensor, network: ToyNetwork) -> dict[str, torch.Tensor]:
        found = network.part(images[:, 1:].float())
        masks = [(found > self.threshold + 0.12 * i).float() for i in range(self.samples)]
        samples = torch.stack(masks, 1)
        return {"mean": samples.mean(1), "samples": samples}


def write_config(folder: Path, kind: str = "squares", **benchmark: Any) -> str:
    """A configuration with what a benchmark reads; the entries of ``benchmark`` are given."""
    task = {"_target_": "monai_anomaly.evaluation.AnomalyMaps", "channel_names": ["gray"], "data_range": 2.0}
    inferer: dict[str, Any] = {"_target_": f"{HERE}.ToyMaps", "strength": 0.9, "level": "$torch.tensor(@seed * 0.1)"}
    if kind == "blobs":
        task = {"_target_": "monai_anomaly.evaluation.Segmentation", "channel_names": ["t1", "flair"]}
        task["region_names"] = ["lesion"]
        inferer = {"_target_": f"{HERE}.ToyMasks"}
    data = {"_target_": f"{HERE}.ToySet", "kind": kind, "n": "@n"}
    content = {
        "imports": ["$import torch"],
        "n": 9,
        "seed": 0,
        "device": "cpu",
        "network_def": {"_target_": f"{HERE}.ToyNetwork"},
        "network": "$@network_def.to(@device)",
        "task": task,
        "inferer": inferer,
        "validate": {"dataset": {**data, "seed": 1}},
        "evaluate": {"test_dataset": data},
        "optimizer": {"_target_": "torch.optim.SGD", "params": "$@network_def.parameters()", "lr": 0.1},
        "benchmark": benchmark,
    }
    (folder / "config.json").write_text(json.dumps(content))
    return str(folder / "config.json")


def write_weights(path: Path, weight: float = 1.0) -> str:
    """Weights of the network."""
    torch.save(ToyNetwork(weight).state_dict(), path)
    return str(path)
