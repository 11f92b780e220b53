# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch.distributed as dist
from PIL import Image

from monai_anomaly.evaluation import (
    AnomalyMaps,
    Cases,
    Segmentation,
    evaluate_cases,
    load_cases,
    save_cases,
    task_of,
    write_report,
)
from monai_anomaly.evaluation.report import report_text
from monai_anomaly.evaluation.tasks import anomaly_figures
from monai_anomaly.metrics import dice_per_slice
from monai_anomaly.utils import provenance, write_model_record

from .blobs import make_blobs
from .lesions import make_lesions, noisy, perfect
from .squares import make_squares

FILES = ["metrics.csv", "metrics.json", "metrics.md"]
SQUARES = AnomalyMaps(["gray"], data_range=2.0, background=-1.0, rows=2)
LESIONS = AnomalyMaps(["t1", "flair"])


def segment(folder: Path, cases: Cases, names: tuple[str, ...] = ("lesion",), **options: Any) -> dict[str, Any]:
    task = Segmentation(["t1", "flair"], names, rows=3, **options)
    return write_report(task, cases, folder, resamples=50, keep_cases=True)


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_hold_the_report(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    test, validation = make_lesions(1, noisy), make_lesions(0, noisy)
    report = write_report(LESIONS, test, tmp_path / "new", validation, config="quick", seed=3, method="ours")
    stored = json.loads((tmp_path / "new/metrics.json").read_text(encoding="utf-8"))
    assert stored.pop("provenance")["seed"] == 3 and stored == report
    assert report == evaluate_cases(LESIONS, test, validation, method="ours")
    with open(tmp_path / "new/metrics.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert [row["slice"] for row in rows] == [str(i) for i in range(12)]
    assert float(rows[1]["dice_oracle"]) == report["cases"][1]["dice_oracle"] and rows[0]["dice_oracle"] == ""
    text = (tmp_path / "new/metrics.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out and written(tmp_path / "new") == [*FILES, "panel.png"]
    assert task_of(stored).settings == LESIONS.settings


def test_text_names_method_baselines_thresholds_and_differences() -> None:
    report = evaluate_cases(LESIONS, make_lesions(1, noisy), make_lesions(0, noisy), method="ours")
    text = report_text(LESIONS, report, provenance("quick", 3))
    part = report["parts"]["all"]
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert "**ours**" in table[2] and "intensity t1" in table[4] and "config quick; seed 3" in text
    entry = part["methods"]["ours"]["dice_validation"]
    assert "{:.3f}–{:.3f}".format(*entry["ci95"]) in table[3]
    assert f"{entry['threshold']['value']:.4g}" in text.split("## Thresholds")[1]
    difference = part["comparisons"]["intensity flair"]["pixel_ap"]
    row = text.split("## First row minus each other")[1].split("| intensity flair")[1].splitlines()[0]
    assert f"{difference['value']:+.3f}" in row and "{:+.3f} to {:+.3f}".format(*difference["ci95"]) in row


def test_tables_in_the_form_of_the_thesis() -> None:
    report = evaluate_cases(SQUARES, make_squares(), make_squares(1), method="gan")
    text = report_text(SQUARES, report, provenance())
    table = text.split("## Difference (thesis ch. 6)")[1].split("##")[0]
    assert "MSE(d, GT) (var)" in table and "MSE(r_h, a_h) (var)" in table and "| input untouched" in table
    kappa = report["parts"]["all"]["methods"]["gan"]["image_kappa_classifier"]["value"]
    assert f"| {kappa:.3f} " in text.split("## Classification of images")[1]
    plain = evaluate_cases(SQUARES, make_squares(logit=None, truth=False), method="gan")
    text = report_text(SQUARES, plain, provenance())
    assert "## Classification" not in text and "untouched" not in text and "| **gan**" in text


def test_method_that_only_classifies_has_no_picture(tmp_path: Path) -> None:
    write_report(SQUARES, make_squares(maps=False), tmp_path, method="net", threshold_file=tmp_path / "threshold.json")
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    assert written(tmp_path) == FILES
    assert "| **net** " in text and "accuracy" in text and "## Thresholds" not in text


def test_threshold_and_cases_are_left_where_asked(tmp_path: Path) -> None:
    test, validation = make_squares(), make_squares(1)
    report = write_report(SQUARES, test, tmp_path, validation, threshold_file=tmp_path / "t.json", keep_cases=True)
    chosen = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert chosen == next(iter(report["parts"]["all"]["methods"].values()))["dice_validation"]["threshold"]
    assert load_cases(tmp_path / "cases.npz", SQUARES.schema).keys == test.keys


def test_report_names_the_training_of_the_model_and_not_only_the_run(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(b"weights")
    data = {"training": {"samples": 9, "subjects": 8, "fingerprint": "abcdef0123456789"}}
    about = {"epoch": 5, "date": "2026-01-01", "git_revision": None, "settings": {"seed": 3}, "data": data}
    write_model_record(model, {**about, "pretrained": None, "changes": ["after epoch 2: seed 1 -> 3"]})
    write_report(SQUARES, make_squares(), tmp_path, seed=7, model_file=model)
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    assert "; seed 7;" in text and "epoch 5 of a training of 2026-01-01 with seed 3" in text
    assert "training 9 samples of 8 subjects (abcdef01)" in text and "seed 1 -> 3" in text
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["provenance"]
    assert saved["seed"] == 7 and saved["model"]["training"]["settings"]["seed"] == 3
    model.write_bytes(b"others!")
    with pytest.warns(UserWarning, match="another file"):
        write_report(SQUARES, make_squares(), tmp_path, seed=7, model_file=model)
    assert "what it was trained on is not known" in (tmp_path / "metrics.md").read_text(encoding="utf-8")


def test_provenance_is_json_and_says_which_code() -> None:
    record = json.loads(json.dumps(provenance()))
    assert {"monai_anomaly", "monai", "torch"} <= set(record["versions"])
    revision = record["git_revision"]
    assert revision is None or len(revision.rstrip("+")) == 40


def test_provenance_ignores_a_repository_that_is_not_ours(tmp_path: Path) -> None:
    from monai_anomaly.utils.provenance import _git_revision

    assert _git_revision(tmp_path) is None


def test_the_picture_shows_images_as_the_network_sees_them(tmp_path: Path) -> None:
    brightness = []
    for gain in (1.0, 0.25):  # a window of the picture's own would hide it
        cases = make_lesions(0, perfect)
        shades = np.linspace(0, 1, cases["image"].size).reshape(cases["image"].shape)
        write_report(LESIONS, cases.replace(image=gain * shades), tmp_path, resamples=0)
        picture = np.asarray(Image.open(tmp_path / "panel.png").convert("L"), dtype=float)
        brightness.append(picture[:, : picture.shape[1] // 4].mean())
    assert brightness[1] < 0.6 * brightness[0]


@pytest.mark.parametrize("known", [True, False])
def test_the_picture_shows_cases_that_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    drawn: list[Cases] = []
    monkeypatch.setattr(anomaly_figures, "anomaly_examples_figure", lambda path, few, *_: drawn.append(few))
    cases = make_lesions(0, perfect) if known else make_lesions(0, perfect, mask=None, label=None)
    smallest = np.sort(cases["mask"].sum((1, 2, 3)))[-2]
    write_report(AnomalyMaps(["t1", "flair"], min_lesion_pixels=max(1, int(smallest))), cases, tmp_path, resamples=0)
    sizes = drawn[0]["mask"].sum((1, 2, 3))
    assert len(sizes) == 6 and ((sizes == 0) | (sizes >= smallest)).all()


def test_signed_difference_takes_the_place_of_the_map(tmp_path: Path) -> None:
    white = []
    for signed in (False, True):
        task = AnomalyMaps(["gray"], data_range=2.0, background=-1.0, rows=2, signed=signed)
        write_report(task, make_squares(), tmp_path)
        with Image.open(tmp_path / "panel.png") as image:
            white.append((np.asarray(image.convert("L"), float) > 200).sum())
    assert white[1] > 2 * white[0]  # no difference is white


def test_segmentation_leaves_pictures_of_every_region(tmp_path: Path) -> None:
    report = segment(tmp_path, make_blobs(regions=2), ("WT", "TC"), show="unknown")
    assert written(tmp_path) == sorted([*FILES, "cases.npz", "curves.png", "examples.png", "examples_TC.png"])
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    assert "## WT: 6 cases with it, 3 without" in text and "## TC: 6 cases" in text
    scores = report["parts"]["TC"]["methods"]["method of 5"]
    assert f"{scores['dice']['value']:.3f} [{scores['dice_without_empty']['value']:.3f}]" in text.split("## TC")[1]
    sizes = text[text.index("## Dice by number") :]
    assert [cell.strip() for cell in sizes.splitlines()[4].split("|")[1:-1]] == ["samples", *"12345"]


@pytest.mark.parametrize("options", [{"keep": False}, {"samples": 1}, {"n": 1}, {"n": 1, "keep": False}])
def test_single_networks_and_sets_without_lesions(tmp_path: Path, options: dict) -> None:
    segment(tmp_path, make_blobs(**options))
    assert written(tmp_path) == sorted([*FILES, "cases.npz", "curves.png", "examples.png"])
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    assert ("## Dice by number" in text) == (options == {"n": 1}) and ("- [-]" in text) == ("n" in options)


def test_other_processes_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    assert segment(tmp_path, make_blobs())["counts"]["test"]["cases"] == 9
    assert not list(tmp_path.iterdir())


def test_saved_cases_draw_what_the_collected_ones_do(tmp_path: Path) -> None:
    task = Segmentation(["t1", "flair"], ["lesion"], rows=3)
    report = write_report(task, make_blobs(), tmp_path, resamples=0)
    save_cases(make_blobs(), tmp_path / "cases.npz")
    (tmp_path / "again").mkdir()
    task.figures(load_cases(tmp_path / "cases.npz", task.schema), report, tmp_path / "again")
    for name in ("examples.png", "curves.png"):
        first, again = (np.asarray(Image.open(folder / name), float) for folder in (tmp_path, tmp_path / "again"))
        assert np.abs(first - again).mean() < 1


def test_a_report_that_fails_at_a_picture_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(anomaly_figures, "anomaly_examples_figure", fail)
        with pytest.raises(OSError, match="disk full"):
            write_report(SQUARES, make_squares(), tmp_path, resamples=0)
        assert written(tmp_path) == []
    places = {name: tmp_path / name for name in (*FILES, "panel.png", "cases.npz")}
    write_report(SQUARES, make_squares(), tmp_path, resamples=0, keep_cases=True)
    assert max(places, key=lambda name: places[name].stat().st_mtime_ns) == "metrics.json"


def test_the_picture_shows_the_maps_that_were_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rim, whose values would count as anomalous."""
    drawn: list[Cases] = []
    monkeypatch.setattr(anomaly_figures, "anomaly_examples_figure", lambda path, few, *_: drawn.append(few))

    def rim(difference: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        edge = np.ones(mask.shape)
        edge[:, 4:-4, 4:-4] = 0
        return perfect(difference, mask, rng) + 5 * edge

    report = write_report(AnomalyMaps(["t1", "flair"], border=2), make_lesions(1, rim), tmp_path, resamples=0)
    found = report["parts"]["all"]["methods"]["method"]["dice_average_otsu"]
    dice = {(row["subject"], row["slice"]): row["dice_average_otsu"] for row in report["cases"]}
    (few,) = drawn
    shown = dice_per_slice(few["map"] > found["threshold"]["value"], few["mask"])
    expected = np.array([dice[key] for key in few.keys], float)
    np.testing.assert_allclose(shown, expected)
    assert np.nanmin(shown) > 0.9
