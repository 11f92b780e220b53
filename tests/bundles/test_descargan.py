# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The bundle as its users meet it: trained, evaluated, loaded, exported, and applied to an image."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anomaly.apps.zoo.tiny_networks import TINY_GAN
from monai_anomaly.evaluation import AnomalyMaps, load_cases
from tests.visualize.pictures import cells

from .tiny_data import TINY_ELLIPSES, write_picture
from .workflow import copy_bundle, export, infer, load_network, run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, ellipses: Path) -> Path:
    """A copy of the bundle, trained in it for one tiny epoch from inside its folder."""
    folder = copy_bundle("descargan", tmp_path_factory.mktemp("bundle"))
    options = {key: value for key, value in TINY_ELLIPSES.items() if key not in TINY_GAN}  # for the default network
    run("training", "--config_file", "configs/train.json", cwd=folder, overrides={**options, "dataset_dir": ellipses})
    return folder


def test_training_leaves_everything(trained: Path) -> None:
    files = {path.relative_to(trained).as_posix() for path in trained.rglob("*") if path.is_file()}
    report = [f"eval/metrics.{suffix}" for suffix in ("json", "csv", "md")]
    models = [f"trained/{name}" for name in ("model.pt", "training_state.pt", "threshold.json")]
    assert {"eval/panel.png", "eval/cases.npz", "eval/training.json", *report, *models} <= files
    assert list((trained / "eval" / "tensorboard").glob("events*"))
    state = torch.load(trained / "trained" / "model.pt", weights_only=True)
    assert all(torch.isfinite(v).all() for v in state.values())


def test_report_has_the_columns_of_the_thesis(trained: Path) -> None:
    report = json.loads((trained / "eval" / "metrics.json").read_text(encoding="utf-8"))
    methods = report["parts"]["all"]["methods"]
    assert list(methods) == ["descargan", "input untouched", "intensity image", "distance to mean healthy"]
    own = methods["descargan"]
    classified = {f"image_{name}_classifier" for name in ("accuracy", "kappa", "auroc")}
    assert {"dice_validation", "dice_average_otsu_truth"} | classified <= set(own)
    assert {"difference_mse", "difference_ssim", "change_healthy_mse"} <= set(own)
    assert (report["counts"]["test"]["diseased"], report["counts"]["test"]["healthy"]) == (4, 4)
    assert len(load_cases(trained / "eval" / "cases.npz", AnomalyMaps.schema)) == 8


def test_tensorboard_has_every_term_of_both_losses(trained: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags: set[str] = set()
    for path in (trained / "eval" / "tensorboard").glob("events*"):
        tags |= set(EventAccumulator(str(path)).Reload().Tags()["scalars"])
    terms = {"d_adv", "d_gp", "d_cls", "g_adv", "g_cls", "g_id", "g_change", "g_sparse"}
    assert {"train_loss", "val_change", "val_accuracy", *terms} <= tags


def test_finished_training_is_not_repeated(trained: Path, ellipses: Path) -> None:
    before = (trained / "trained" / "model.pt").stat().st_mtime_ns
    before_scores = scores(trained)
    config = "['configs/train.json','configs/evaluate.json']"
    options = {key: value for key, value in TINY_ELLIPSES.items() if key not in TINY_GAN}
    run("--config_file", config, cwd=trained, overrides={**options, "dataset_dir": ellipses})
    assert (trained / "trained" / "model.pt").stat().st_mtime_ns == before
    assert scores(trained) == pytest.approx(before_scores, abs=1e-6)


def scores(folder: Path) -> dict[str, float]:
    """Dice of the method and of the baselines, of which one is random if the training images are."""
    report = json.loads((folder / "eval" / "metrics.json").read_text(encoding="utf-8"))
    methods = report["parts"]["all"]["methods"].items()
    return {f"{m} {name}": entry["value"] for m, own in methods for name, entry in own.items() if name[:5] == "dice_"}


@pytest.mark.parametrize("fit", ["resize", "crop"])
def test_inference_of_a_picture_of_another_size(trained: Path, tmp_path: Path, fit: str) -> None:
    picture = write_picture(tmp_path / "x.png", (44, 31))
    folders = {"dataset_dir": str(picture), "ckpt_dir": str(trained / "trained")}
    infer(trained, tmp_path / "out", spatial_size=[48, 32], fit=fit, **folders)
    case = tmp_path / "out" / "x"
    images = {
        name: nib.load(case / f"{name}.nii.gz").get_fdata() for name in ("map", "reconstruction", "difference", "mask")
    }
    assert {image.shape for image in images.values()} == {(44, 31)}
    rest = images["map"] - np.abs(images["difference"])
    assert rest.min() > -1e-6 and (rest.max() < 1e-6 or fit == "resize")  # a mean of signed values is smaller
    assert images["difference"].min() < 0 < images["difference"].max()
    scores = json.loads((case / "scores.json").read_text(encoding="utf-8"))
    assert scores["threshold"]["origin"] == "validation" and 0 <= scores["classifier_probability_diseased"] <= 1
    np.testing.assert_array_equal(images["mask"], images["map"] > scores["threshold"]["value"])
    shown = cells(case / "figure.png", 1, 7)[0][5].sum(-1)  # x to the right, y down
    down, right = (((np.arange(n) + 0.5) / n * m).astype(int) for n, m in zip((31, 44), shown.shape, strict=True))
    assert np.corrcoef(shown[np.ix_(down, right)].T.ravel(), images["map"].ravel())[0, 1] > 0.8


def test_load_gives_the_trained_network(trained: Path) -> None:
    state = torch.load(trained / "trained" / "model.pt", weights_only=True)
    torch.testing.assert_close(dict(load_network(trained).state_dict()), state)


def test_traced_export(trained: Path, tmp_path: Path) -> None:
    traced, network = export(trained, tmp_path / "model.ts", [1, 1, 64, 64]), load_network(trained).eval()
    for size in ((64, 64), (72, 104)):
        image = 2 * torch.rand(3, 1, *size) - 1
        torch.testing.assert_close(traced(image), network(image))
