# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Trainings that are interrupted, of damaged data, and of other data than the ellipses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Events
from PIL import Image

from monai_anomaly.apps.datalist import datalist
from monai_anomaly.apps.zoo.tiny_networks import TINY_GAN
from monai_anomaly.utils import DataError

from .tiny_data import TINY_ELLIPSES
from .workflow import train, workflow

ONLY_TRAINING = {"run": ["$@train#trainer.run()"], "epochs": 3}


def folders(folder: Path) -> dict[str, str]:
    return {"ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval")}


@pytest.mark.parametrize("method", [None, "vae"])
def test_resumed_training_ends_with_the_same_weights(method: str | None, ellipses: Path, tmp_path: Path) -> None:
    names = [method] if method else []
    tiny: dict[str, Any] = {**TINY_ELLIPSES, **ONLY_TRAINING, "dataset_dir": str(ellipses)}
    if method:
        tiny = {key: value for key, value in tiny.items() if key not in TINY_GAN}
    train("descargan", tmp_path / "whole", *names, **tiny)
    broken = workflow("descargan", "train", "train", *names, **folders(tmp_path / "parts"), **tiny)
    trainer = broken.parser.get_parsed_content("train#trainer")
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=6), trainer.terminate)  # in the second epoch
    broken.run()
    assert trainer.state.epoch == 2
    train("descargan", tmp_path / "parts", *names, **tiny)
    files = {path.name for path in (tmp_path / "whole" / "models").iterdir()}
    assert files == (
        {"vae.json", "vae.pt", "vae_state.pt"} if method else {"model.json", "model.pt", "training_state.pt"}
    )
    for name in (name for name in files if name.endswith(".pt")):
        whole, parts = (torch.load(tmp_path / part / "models" / name, weights_only=True) for part in ("whole", "parts"))
        about = [state.pop("about", {}) for state in (whole, parts)]
        assert all(about[0].get(key) == about[1].get(key) for key in ("data", "settings", "changes"))
        torch.testing.assert_close(parts, whole, rtol=0, atol=0)


def test_weights_of_the_last_epoch_are_kept(ellipses: Path, tmp_path: Path) -> None:
    tiny = {**TINY_ELLIPSES, **ONLY_TRAINING, "dataset_dir": str(ellipses)}
    train("descargan", tmp_path, **tiny)
    state = torch.load(tmp_path / "models" / "training_state.pt", weights_only=True)
    model = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    torch.testing.assert_close(model, state["objects"]["ema_network"], rtol=0, atol=0)
    assert state["best_metric_epoch"] == 3


def test_curve(ellipses: Path, tmp_path: Path) -> None:
    """The overlay scores the test set during the training, as the report does at its end."""
    options = {**TINY_ELLIPSES, "epochs": 2, "curve_interval": 4, "dataset_dir": str(ellipses), "ema_decay": 0.0}
    train("descargan", tmp_path, "curve", **options)
    curve = json.loads((tmp_path / "eval" / "curve.json").read_text(encoding="utf-8"))
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert curve["images"] == 8 and [row["iteration"] for row in curve["rows"]] == [4, 8]
    own, last = report["parts"]["all"]["methods"]["descargan"], curve["rows"][-1]
    assert last["dice"] == pytest.approx(own["dice_average_otsu_truth"]["value"])
    assert last["difference_mse"] == pytest.approx(own["difference_mse"]["value"])
    assert last["change_healthy_mse"] == pytest.approx(own["change_healthy_mse"]["value"])
    assert last["accuracy"] == own["image_accuracy_classifier"]["value"]


@pytest.mark.parametrize("balanced", [False, True])
def test_balanced_batches_have_as_many_of_each_class(balanced: bool, ellipses: Path, tmp_path: Path) -> None:
    tiny = {**TINY_ELLIPSES, **ONLY_TRAINING, "dataset_dir": str(ellipses), "balanced": balanced, "epochs": 2}
    made = workflow("descargan", "train", "train", **folders(tmp_path), **tiny)
    trainer, shares = made.parser.get_parsed_content("train#trainer"), []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda e: shares.append(e.state.output["label"].sum().item()))
    made.run()
    assert len(shares) == 8 and (set(shares) == {2}) == balanced


def test_resumed_training_of_the_other_critic_ends_with_the_same_weights(ellipses: Path, tmp_path: Path) -> None:
    """Balanced batches, penalties of some of them, the terms of the displacement: all a function of seed and epoch."""
    tiny: dict[str, Any] = {**TINY_ELLIPSES, **ONLY_TRAINING, "dataset_dir": str(ellipses), "balanced": True}
    tiny |= {"loss#adversarial": "relativistic", "loss#lambda_smooth": 1.0, "loss#lambda_sparse": 1.0}
    penalty = {"_target_": "monai_anomaly.losses.ZeroCenteredPenalty"}
    tiny |= {"critic_loss#adversarial": "relativistic", "critic_loss#penalty": penalty}
    tiny |= {"critic_loss#penalty_interval": 2}
    train("descargan", tmp_path / "whole", **tiny)
    broken = workflow("descargan", "train", "train", **folders(tmp_path / "parts"), **tiny)
    trainer = broken.parser.get_parsed_content("train#trainer")
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=6), trainer.terminate)
    broken.run()
    train("descargan", tmp_path / "parts", **tiny)
    whole, parts = (
        torch.load(tmp_path / part / "models" / "model.pt", weights_only=True) for part in ("whole", "parts")
    )
    torch.testing.assert_close(parts, whole, rtol=0, atol=0)


def cause(error: BaseException | None) -> BaseException | None:
    """The first error of a chain."""
    while error is not None and error.__cause__ is not None:
        error = error.__cause__
    return error


@pytest.mark.parametrize("damage", ["cut off", "of another size", "empty", "missing"])
def test_damaged_image_is_named(damage: str, ellipses: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(ellipses, data)
    (data / "ellipses.json").unlink()  # not to be repaired
    listed = json.loads((data / "datalist.json").read_text(encoding="utf-8"))
    sample = next(sample for sample in listed["training"] if sample["label"])
    path = data / (sample["twin"] if damage == "of another size" else sample["image"])
    if damage == "cut off":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "missing":
        path.unlink()
    else:
        size = (32, 30) if damage == "of another size" else (32, 32)
        Image.fromarray(np.full(size, 7, dtype=np.uint16)).save(path)
    with pytest.raises(Exception) as caught:
        train("descargan", tmp_path, **TINY_ELLIPSES, dataset_dir=str(data))
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, DataError):
        error = error.__cause__
    assert path.name in str(error), str(caught.value)
    assert not (tmp_path / "models").exists()


def test_training_that_is_no_longer_finite_stops(ellipses: Path, tmp_path: Path) -> None:
    tiny = {**TINY_ELLIPSES, **ONLY_TRAINING, "dataset_dir": str(ellipses), "critic_loss#lambda_gp": float("inf")}
    with pytest.raises(Exception) as caught:
        train("descargan", tmp_path, **tiny)
    error = cause(caught.value)
    assert isinstance(error, FloatingPointError) and "iteration 2" in str(error)  # behind the warm-up
    assert not list((tmp_path / "models").glob("*.pt"))


def test_chest_phantom(tmp_path: Path) -> None:
    tiny = {**TINY_ELLIPSES, "spatial_size": [64, 64]}
    del tiny["phantom"]
    tiny |= {"phantom#size": 64, "phantom#per_class": [4, 2, 2], "phantom#workers": 0, "make_phantom": True}
    train("descargan", tmp_path, "chest", dataset_dir=str(tmp_path / "data"), **tiny)
    assert (tmp_path / "data" / "chest.json").exists()
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    assert (
        report["provenance"]["config"] == "chest" and "difference_mse" in report["parts"]["all"]["methods"]["descargan"]
    )


def test_small_x_rays(tmp_path: Path) -> None:
    """Few images of the disease among many; no masks, no twins: what is left of the report."""
    rng = np.random.default_rng(0)
    rows = ["file,effusion,patient_id"]
    for number in range(24):
        (tmp_path / "data").mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8)).save(tmp_path / "data" / f"x{number}.png")
        rows.append(f"x{number}.png,{int(number % 4 == 0)},{number}")
    (tmp_path / "data" / "labels.csv").write_text("\n".join(rows))
    table = {"label": "effusion", "subject": "patient_id", "split": (0.5, 0.25, 0.25)}
    datalist("table", str(tmp_path / "data" / "labels.csv"), str(tmp_path / "data" / "datalist.json"), **table)
    tiny = {key: value for key, value in TINY_ELLIPSES.items() if key != "phantom"}
    train("descargan", tmp_path, "cxr64", dataset_dir=str(tmp_path / "data"), **tiny)
    report = json.loads((tmp_path / "eval" / "metrics.json").read_text(encoding="utf-8"))
    own = report["parts"]["all"]["methods"]["descargan"]
    assert {"image_kappa_classifier", "change_healthy_mse"} <= set(own)
    assert not {"dice_oracle", "difference_mse"} & set(own)
    assert not (tmp_path / "models" / "threshold.json").exists()
