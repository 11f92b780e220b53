# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from monai_anomaly.handlers import report_evaluation, report_table, write_report
from monai_anomaly.metrics import AnomalyCases, evaluate
from monai_anomaly.utils import provenance, write_model_record
from tests.metrics.squares import make_squares
from tests.visualize.pictures import cells


def make_cases(seed: int, n: int = 9, with_mask: bool = True) -> AnomalyCases:
    rng = np.random.default_rng(seed)
    cases = AnomalyCases()
    for i in range(n):
        twin = rng.random((2, 16, 12))
        mask = np.zeros((1, 16, 12), bool)
        mask[:, 2 : 2 + i % 3 * (1 + i // 3), 3:9] = True
        map_ = mask + 0.1 * rng.random(mask.shape)
        mask_or_none = mask if with_mask else None
        cases.append(twin + mask, map_, twin, mask_or_none, twin, label=int(i % 3 > 0), subject=f"s{i // 3}", slice=i)
    return cases


def test_files_hold_the_report(tmp_path: Path) -> None:
    report = evaluate(make_cases(0), make_cases(1))
    text = write_report(report, tmp_path / "new", provenance("quick", seed=3))
    stored = json.loads((tmp_path / "new/metrics.json").read_text(encoding="utf-8"))
    assert stored.pop("provenance")["seed"] == 3
    assert stored == report
    with open(tmp_path / "new/metrics.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert [row["slice"] for row in rows] == [str(i) for i in range(9)]
    assert float(rows[1]["dice_oracle"]) == report["cases"][1]["dice_oracle"] and rows[0]["dice_oracle"] == ""
    assert (tmp_path / "new/metrics.md").read_text(encoding="utf-8") == text
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["metrics.csv", "metrics.json", "metrics.md"]


def test_table_names_method_baselines_and_threshold() -> None:
    report = evaluate(make_cases(0), make_cases(1), baselines={"flat": lambda x: x[:, :1]}, method="ours")
    text = report_table(report, provenance("quick", 3))
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(line) for line in table[:4]} == {len(table[0])} and "**ours**" in table[2] and "flat" in table[4]
    assert f"{report['methods']['ours']['dice']['validation']['threshold']['value']:.4g}" in text
    assert "config quick; seed 3" in text


def test_table_shows_intervals_and_paired_differences() -> None:
    report = evaluate(make_cases(0), make_cases(1), baselines={"flat": lambda x: x[:, :1]}, method="ours")
    text = report_table(report, provenance())
    low, high = report["methods"]["ours"]["dice"]["validation"]["ci95"]
    below_ours = next(line for line in text.splitlines() if line.startswith("| 95 % interval"))
    assert f"{low:.3f}–{high:.3f}" in below_ours
    difference = report["comparisons"]["flat"]["pixel_ap"]
    low, high = difference["ci95"]
    row = text[text.index("## The method less each baseline") :].split("| flat")[1].splitlines()[0]
    assert f"{difference['value']:+.3f}" in row and f"{low:+.3f} to {high:+.3f}" in row


def test_table_of_one_subject_has_no_intervals() -> None:
    report = evaluate(make_cases(0), make_cases(1, n=3), baselines={"flat": lambda x: x[:, :1]})
    text = report_table(report, provenance())
    assert "| 95 % interval" not in text.split("##")[0] and " to -" not in text


def test_provenance_is_json_and_says_which_code() -> None:
    record = json.loads(json.dumps(provenance()))
    assert {"monai_anomaly", "monai", "torch"} <= set(record["versions"])
    revision = record["git_revision"]
    assert revision is None or len(revision.rstrip("+")) == 40


def test_provenance_ignores_a_repository_that_is_not_ours(tmp_path: Path) -> None:
    from monai_anomaly.utils.provenance import _git_revision

    assert _git_revision(tmp_path) is None


@pytest.mark.parametrize("with_mask", [True, False])
def test_everything_at_once(tmp_path: Path, capsys: pytest.CaptureFixture, with_mask: bool) -> None:
    report = report_evaluation(
        make_cases(0, with_mask=with_mask),
        make_cases(1, with_mask=with_mask),
        tmp_path,
        ["t1", "flair"],
        training_mean=lambda: np.zeros((2, 16, 12)),
        config="quick",
        seed=0,
        rows=3,
    )
    assert list(report["methods"]) == ["translation", "intensity t1", "intensity flair", "distance to mean healthy"]
    assert "distance to mean healthy" in capsys.readouterr().out
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["metrics.csv", "metrics.json", "metrics.md", "panel.png"]
    drawn = cells(tmp_path / "panel.png", 3, 6 if with_mask else 5)
    if with_mask:  # the largest lesion first
        share = make_cases(1).lesion_pixels.max() / (16 * 12)
        assert (drawn[0][5] > 127).mean() == pytest.approx(share, abs=0.02) and drawn[2][5].max() == 0


def test_table_in_the_form_of_the_thesis() -> None:
    report = evaluate(make_squares(1), make_squares(), data_range=2.0, background=-1.0)
    text = report_table(report, provenance())
    table = text.split("## Difference (thesis ch. 6)")[1].split("##")[0]
    assert "MSE(d, GT) (var)" in table and "MSE(r_h, a_h) (var)" in table and "| input untouched" in table
    assert "truth Otsu" in text and "uses the test truth" in text and "true differences of the test set" in text
    images = text.split("## Classification of images")[1]
    assert f"| {report['methods']['translation']['image_kappa_classifier']['value']:.3f} " in images
    plain = report_table(evaluate(None, make_squares(score=None)), provenance())
    assert "## Classification" not in plain


def test_method_that_only_classifies(tmp_path: Path) -> None:
    test = make_squares(maps=False)
    report = report_evaluation(None, test, tmp_path, ["gray"], threshold_file=tmp_path / "threshold.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["metrics.csv", "metrics.json", "metrics.md"]
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    assert "| **translation** " in text and "accuracy" in text and "## Thresholds" not in text
    assert set(report["methods"]) == {"translation", "intensity gray"}


def test_report_names_the_training_of_the_model_and_not_only_the_run(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(b"weights")
    data = {"training": {"samples": 9, "subjects": 8, "fingerprint": "abcdef0123456789"}}
    about = {"epoch": 5, "date": "2026-01-01", "git_revision": None, "settings": {"seed": 3}, "data": data}
    write_model_record(model, {**about, "pretrained": None, "changes": ["after epoch 2: seed 1 -> 3"]})
    report_evaluation(None, make_squares(), tmp_path, ["gray"], rows=2, seed=7, model_file=model)
    text = (tmp_path / "metrics.md").read_text(encoding="utf-8")
    assert "; seed 7;" in text and "epoch 5 of a training of 2026-01-01 with seed 3" in text
    assert "training 9 samples of 8 subjects (abcdef01)" in text and "seed 1 -> 3" in text
    saved = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["provenance"]
    assert saved["seed"] == 7 and saved["model"]["training"]["settings"]["seed"] == 3
    model.write_bytes(b"others!")
    with pytest.warns(UserWarning, match="another file"):
        report_evaluation(None, make_squares(), tmp_path, ["gray"], rows=2, seed=7, model_file=model)
    assert "what it was trained on is not known" in (tmp_path / "metrics.md").read_text(encoding="utf-8")


def test_the_picture_shows_images_as_the_network_sees_them(tmp_path: Path) -> None:
    brightness = []
    for gain in (1.0, 0.25):  # a window of the picture's own would hide it
        test = make_cases(0)
        for row in test._rows:
            row["image"] = gain * np.linspace(0, 1, row["image"].size).reshape(row["image"].shape)
        report_evaluation(None, test, tmp_path, ["flair", "t1ce"], resamples=0)
        brightness.append(cells(tmp_path / "panel.png", 6, 7)[0][0].mean())
    assert brightness[1] == pytest.approx(0.25 * brightness[0], rel=0.05)


def test_signed_difference_takes_the_place_of_the_map(tmp_path: Path) -> None:
    for signed in (False, True):
        folder = tmp_path / str(signed)
        report_evaluation(None, make_squares(), folder, ["gray"], rows=2, signed=signed, save_cases=signed)
        healthy_slice = cells(folder / "panel.png", 2, 7 if signed else 6)[1][3]
        assert np.median(healthy_slice) > 230 if signed else np.median(healthy_slice) < 30  # no difference is white
    assert not (tmp_path / "False/cases.npz").exists()
    assert len(AnomalyCases.load(tmp_path / "True/cases.npz")) == 9
