# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.benchmarks.benchmark import benchmark
from monai_anomaly.handlers import TranslationMeasure
from monai_anomaly.utils import DataError
from tests.evaluation.edits import BRIGHTER, make_edits

from .toy import ToyNetwork, write_config, write_weights

HERE = "tests.benchmarks.test_feed"


class EditSet(torch.utils.data.Dataset):
    """Edits as a data set, without what a method made of them."""

    def __init__(self) -> None:
        known = ("image", "mask", "target", "target_mask", "target_value", "edit", "subject", "slice")
        self.rows = [
            {
                k: torch.as_tensor(v) if v is not None and not isinstance(v, str) else v
                for k, v in row.items()
                if k in known
            }
            for row in make_edits()
        ]
        self.labels = [int(row["mask"].any()) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


class Paint:
    """Removes the lesion, which nothing tells it but the brightness, and paints the desired one."""

    slices_at_a_time = 5

    def __init__(self, strength: float = 1.0) -> None:
        self.strength = strength

    def one_step(self, images: torch.Tensor, network: ToyNetwork, targets: dict, masks: dict) -> None:
        """A step takes what the whole does."""
        assert targets["size"].shape == images.shape[:1]

    def __call__(self, images: torch.Tensor, network: ToyNetwork, targets: dict, masks: dict) -> dict:
        lesion = (images.mean(1, keepdim=True) > 0.55).float()
        assert not masks and targets["tumor"].shape == lesion.shape and targets["size"].shape == images.shape[:1]
        return {"reconstruction": images + self.strength * BRIGHTER * (targets["tumor"].float() - lesion)}


class Judge(TranslationMeasure):
    def measure(self, images: dict) -> dict[str, torch.Tensor]:
        shown = {"before": "image", "after": "reconstruction", "truth": "target"}
        return {f"found_{k}": (images[name].mean(1, keepdim=True) > 0.55).float() for k, name in shown.items()}


def config(folder: Path, **benchmark: Any) -> str:
    settings = {"settings": {"whole": {}, "half": {"strength": 0.3}}, "validation_cases": 0}
    path = write_config(folder, **settings, scores=["mask_dice", "error_lesion", "size_correlation"], **benchmark)
    content = json.loads(Path(path).read_text())
    content["task"] = {"_target_": "monai_anomaly.evaluation.Translation", "channel_names": ["t1", "flair"]}
    content["inferer"] = {"_target_": f"{HERE}.Paint"}
    content["evaluate"]["test_dataset"] = {"_target_": f"{HERE}.EditSet"}
    Path(path).write_text(json.dumps(content))
    return path


PREPARE = {
    "_target_": "monai_anomaly.engines.TranslationPrepareBatch",
    "targets": {"tumor": "target_mask", "size": "target_value"},
}


def test_targets_reach_the_inferer_and_masks_the_cases(tmp_path: Path) -> None:
    path = config(tmp_path, prepare_batch=PREPARE, measures=[{"_target_": f"{HERE}.Judge"}])
    model = write_weights(tmp_path / "model.pt")
    benchmark(model, tmp_path / "b.json", path)
    rows = json.loads((tmp_path / "b.json").read_text())["rows"][model]
    whole, half = (rows[name]["parts"]["all"]["scores"] for name in ("whole", "half"))
    assert whole["error_lesion"] == pytest.approx(0, abs=1e-6) and whole["mask_dice"] == 1
    assert whole["size_correlation"] == pytest.approx(1)
    assert half["error_lesion"] > 0.05 and half["mask_dice"] < 0.9
    assert set(rows["whole"]["parts"]) == {"all", "grow", "insert", "remove", "shrink"}


def test_what_is_measured_belongs_to_the_record(tmp_path: Path) -> None:
    model = write_weights(tmp_path / "model.pt")
    benchmark(model, tmp_path / "b.json", config(tmp_path, prepare_batch=PREPARE))
    again = config(tmp_path, prepare_batch=PREPARE, measures=[{"_target_": f"{HERE}.Judge"}])
    with pytest.raises(DataError, match="benchmark::measures"):
        benchmark(model, tmp_path / "b.json", again)


def test_an_entry_that_the_batch_lacks_is_named(tmp_path: Path) -> None:
    path = config(tmp_path, prepare_batch={**PREPARE, "masks": {"size": "where"}})
    with pytest.raises(DataError, match=r"expected where in the batch, found \['edit', 'image'"):
        benchmark(write_weights(tmp_path / "model.pt"), tmp_path / "b.json", path)
