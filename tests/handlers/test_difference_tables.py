# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from monai_anomaly.handlers.difference_tables import classification_table, difference_cells, difference_table
from monai_anomaly.metrics import evaluate
from tests.metrics.squares import make_squares

MEAN = {"value": 0.0086, "sd": 0.02, "n": 8, "ci95": [0.005, 0.012]}


def test_the_thesis_prints_the_variance() -> None:
    cells = difference_cells({"difference_mse": MEAN, "difference_ssim": MEAN, "change_healthy_mse": MEAN})
    assert cells["MSE(d, GT) (var)"] == ("0.0086 (0.0004)", "0.0050–0.0120")
    assert cells["SSIM(d, GT)"] == ("0.009", "0.005–0.012") and len(cells) == 3
    nothing = {"value": None, "sd": None, "n": 0, "ci95": None}
    assert difference_cells({"change_healthy_mse": nothing}) == {"MSE(r_h, a_h) (var)": ("-", "")}
    assert difference_cells({"twin_ssim": MEAN}) == {}


def test_untouched_input_stands_below() -> None:
    report = evaluate(None, make_squares(), data_range=2.0, background=-1.0)
    lines = difference_table(report["translation"]).splitlines()
    assert lines[2].startswith("| reconstruction") and lines[4].startswith("| input untouched")
    without = evaluate(None, make_squares(truth=False), data_range=2.0, background=-1.0)
    assert "untouched" not in difference_table(without["translation"])


def test_classifiers_and_maps_stand_in_one_table() -> None:
    classifier = evaluate(None, make_squares(maps=False))["methods"]["translation"]
    maps = evaluate(None, make_squares(score=None))["methods"]["translation"]
    table = classification_table({"DenseNet169": classifier, "VAE": {**maps, "change_healthy_mse": MEAN}})
    title, _, first, _, second, _ = table.splitlines()
    assert [c.strip() for c in title.split("|")[1:-1]] == [
        "method",
        "accuracy",
        "kappa",
        "AUROC",
        "AUROC (map)",
        "MSE(r_h, a_h) (var)",
    ]
    assert first.split("|")[5].strip() == "-" and second.split("|")[2].strip() == "-"
    assert "0.0086 (0.0004)" in second and "MSE" not in classification_table({"DenseNet169": classifier})
