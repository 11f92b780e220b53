# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_anomaly.apps.anomaly_compare import anomaly_compare
from monai_anomaly.handlers import write_report
from monai_anomaly.metrics import AnomalyCases, cluster_bootstrap, evaluate, trivial_baselines
from monai_anomaly.utils import DataError, provenance
from tests.metrics.squares import make_squares
from tests.visualize.pictures import cells, is_blue, is_red


def save(
    folder: Path, test: AnomalyCases, validation: AnomalyCases | None, seed: int = 0, data_range: float = 2.0
) -> str:
    """What a bundle leaves of an evaluation."""
    options: dict[str, Any] = {"data_range": data_range, "background": -1.0, "resamples": 50}
    report = evaluate(validation, test, baselines=trivial_baselines(["gray"]), **options)
    write_report(report, folder, provenance("quick", seed))
    if test.has_map:
        test.save(folder / "cases.npz")
    return str(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("eval")
    turned = make_squares(error=0.4)
    return {
        "ours": save(root / "ours", make_squares(), make_squares(1)),
        "VAE": save(root / "vae", turned.subset(reversed(range(len(turned)))), make_squares(1, error=0.4)),
        "DenseNet169": save(root / "densenet", make_squares(maps=False, score=4.0), None),
        "again": save(root / "again", make_squares(error=0.1, noise_seed=5), make_squares(1), seed=1),
    }


def compare(folder: Path, folders: dict[str, str], *names: str, **options: Any) -> tuple[str, dict[str, Any]]:
    out = folder / "compare.json"
    pairs = [f"{name}={folders[name]}" for name in names]
    text = anomaly_compare(out, *pairs, **{"rows": 1, "resamples": 50, **options})
    return text, json.loads(out.read_text(encoding="utf-8"))


def test_methods_stand_side_by_side(tmp_path: Path, folders: dict[str, str]) -> None:
    training = Path(folders["VAE"]) / "training.json"
    training.write_text('{"parameters": 1234567, "minutes": 7.5}')
    text, result = compare(tmp_path, folders, "ours", "VAE", "DenseNet169")
    training.unlink()
    assert (tmp_path / "compare.md").read_text(encoding="utf-8") == text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["compare.json", "compare.md", "compare.png"]
    (drawn,) = cells(tmp_path / "compare.png", 1, 6)  # input, true difference, reconstruction and difference of each
    true, ours = drawn[1], drawn[3]
    assert is_red(true).any() and is_blue(true).any()  # lesions are darker and brighter than the image
    assert np.abs(true - ours).mean() < np.abs(true - drawn[5]).mean()
    assert list(result["methods"]) == ["ours", "VAE", "DenseNet169"] and list(result["baselines"]) == ["intensity gray"]
    assert "1,234,567" in text and "| 7.5 " in text
    maps, images = (text.split(f"Table {i})")[1].split("##")[0] for i in (1, 2))
    assert "| **ours** " in maps and "| VAE " in maps and "| input untouched " in maps and "DenseNet169" not in maps
    for title in ("Dice truth Otsu", "Dice val.", "AUROC", "MSE(d, GT) (var)", "SSIM(d, GT)", "MSE(r_h, a_h) (var)"):
        assert title in maps
    assert "| DenseNet169 " in images and "accuracy" in images and "kappa" in images
    original = json.loads((Path(folders["VAE"]) / "metrics.json").read_text(encoding="utf-8"))
    assert result["methods"]["VAE"]["scores"] == original["methods"]["translation"]
    mse = original["translation"]["difference_mse"]
    assert f"| {mse['value']:.4f} ({mse['sd'] ** 2:.2g}) " in maps


def test_differences_are_of_the_same_slices_in_whatever_order(tmp_path: Path, folders: dict[str, str]) -> None:
    text, result = compare(tmp_path, folders, "ours", "VAE", "DenseNet169")
    assert list(result["comparisons"]) == ["VAE"] and "## Less ours, Dice" in text
    for key in ("dice_average_otsu_truth", "dice_validation"):
        dice = {name: np.array(columns[key], float) for name, columns in result["per_slice"].items() if columns}
        assert set(dice) == {"ours", "VAE"}
        less = result["comparisons"]["VAE"][key]
        assert less["n"] == 6 and less["value"] == pytest.approx(np.nanmean(dice["VAE"] - dice["ours"]))
        interval = cluster_bootstrap(dice["VAE"] - dice["ours"], result["slices"]["subject"], resamples=50)
        assert less["ci95"] == pytest.approx(interval) and less["ci95"][1] < 0
    rows = json.loads((Path(folders["VAE"]) / "metrics.json").read_text(encoding="utf-8"))["cases"]
    assert result["per_slice"]["VAE"]["dice_validation"] == [row["dice_validation"] for row in reversed(rows)]


def test_trainings_of_one_method_show_their_spread(tmp_path: Path, folders: dict[str, str]) -> None:
    both = {"ours": f"{folders['ours']},{folders['again']}", "VAE": folders["VAE"]}
    text, result = compare(tmp_path, both, "ours", "VAE")
    assert list(result["seeds"]) == ["ours"] and result["seeds"]["ours"]["seeds"] == [0, 1]
    reports = [
        json.loads((Path(folders[name]) / "metrics.json").read_text(encoding="utf-8")) for name in ("ours", "again")
    ]
    values = [r["methods"]["translation"]["dice"]["validation"]["value"] for r in reports]
    spread = result["seeds"]["ours"]["scores"]["dice_validation"]
    assert spread["values"] == values and spread["value"] == pytest.approx(np.mean(values))
    assert (spread["min"], spread["max"]) == (min(values), max(values))
    assert spread["sd"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert f"({min(values):.3f}–{max(values):.3f})" in text.split("## Seeds")[1]
    # the tables have the first
    alone, single = compare(tmp_path, folders, "ours", "VAE")
    assert single["methods"]["ours"]["scores"] == result["methods"]["ours"]["scores"] and "## Seeds" not in alone


def test_without_truth_there_are_the_images(tmp_path: Path) -> None:
    own = {
        name: save(tmp_path / name, make_squares(truth=False, error=e), make_squares(1, truth=False))
        for name, e in (("a", 0.1), ("b", 0.2))
    }
    text, result = compare(tmp_path, own, "a", "b")
    assert "Table 1)" not in text and "MSE(r_h, a_h) (var)" in text.split("Table 2)")[1]
    assert result["comparisons"] == {} and (tmp_path / "compare.png").exists()
    cells(tmp_path / "compare.png", 1, 5)  # no true difference


def test_classifiers_alone_have_no_picture(tmp_path: Path, folders: dict[str, str]) -> None:
    text, result = compare(tmp_path, folders, "DenseNet169")
    assert "Table 2)" in text and result["comparisons"] == {} and not (tmp_path / "compare.png").exists()


def test_slices_of_the_picture_can_be_chosen(tmp_path: Path, folders: dict[str, str]) -> None:
    compare(tmp_path, folders, "ours", "VAE", slices=[("s1", 0)])
    with pytest.raises(DataError, match=r"ours: expected the slices .* found no \[\('s99', '0'\)\]"):
        compare(tmp_path / "new", folders, "ours", slices=[("s99", 0)])
    assert not (tmp_path / "new/compare.json").exists()


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        ({"seed": 0, "n": 6}, {}, r"label and lesion pixels of s\d 0 \[\d, \d+\], as .*ours/metrics\.json .* None"),
        ({"size": 30}, {}, "pixels of a slice 576, as .* found 900"),
        ({"truth": False}, {}, "label and lesion pixels of s1 0 1 4, as .* found 0"),
        ({}, {"data_range": 1.0}, "settings data_range 2.0, as .* found 1.0"),
    ],
)
def test_other_slices_are_refused(
    tmp_path: Path, folders: dict[str, str], other: dict, options: dict, message: str
) -> None:
    with_other = {"ours": folders["ours"], "b": save(tmp_path / "b", make_squares(**other), None, **options)}
    with pytest.raises(DataError, match=rf"b/metrics\.json: expected {message}"):
        compare(tmp_path, with_other, "ours", "b")
    assert not (tmp_path / "compare.json").exists()


def test_files_that_cannot_be_used_are_named(tmp_path: Path, folders: dict[str, str]) -> None:
    with pytest.raises(DataError, match=r"none/metrics\.json: expected the report of an evaluation, found no such"):
        compare(tmp_path, {"a": str(tmp_path / "none")}, "a")
    (tmp_path / "metrics.json").write_text('{"regions": {}}')
    with pytest.raises(DataError, match=r"metrics\.json: expected the report of anomaly maps, found none of"):
        compare(tmp_path, {"a": str(tmp_path)}, "a")
    unsaved = save(tmp_path / "unsaved", make_squares(), None)
    (tmp_path / "unsaved/cases.npz").unlink()
    with pytest.raises(DataError, match=r"unsaved/cases\.npz: expected the saved slices"):
        compare(tmp_path, {"a": unsaved}, "a")
    make_squares(seed=3, n=6).save(tmp_path / "unsaved/cases.npz")
    with pytest.raises(DataError, match=r"unsaved/cases\.npz: expected label and lesion pixels of .* beside it has it"):
        compare(tmp_path, {"a": unsaved}, "a")
    with pytest.raises(ValueError, match="NAME=FOLDER"):
        anomaly_compare(tmp_path / "c.json", folders["ours"])
