# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import json
from pathlib import Path

from monai_anomaly.handlers import segmentation_table, write_segmentation_report
from monai_anomaly.metrics import evaluate_segmentation
from monai_anomaly.utils import provenance
from tests.metrics.segmentation.blobs import make_blobs

CHANNELS = ["t1", "flair"]


def test_files_hold_the_report(tmp_path: Path) -> None:
    report = evaluate_segmentation(make_blobs(1), make_blobs(), ["lesion"], CHANNELS)
    text = write_segmentation_report(report, tmp_path, provenance("quick", seed=3))
    stored = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert stored.pop("provenance")["seed"] == 3 and stored == report
    with open(tmp_path / "metrics.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert [row["slice"] for row in rows] == [str(40 + i) for i in range(9)] and rows[0]["dice_lesion"] == ""
    assert (tmp_path / "metrics.md").read_text(encoding="utf-8") == text


def test_table_has_the_columns_of_the_thesis() -> None:
    report = evaluate_segmentation(make_blobs(1), make_blobs(wobble=2.0), ["lesion"], CHANNELS, method="ours")
    text = segmentation_table(report, provenance())
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert [c.strip() for c in table[0].split("|")[1:5]] == ["method", "Dice", "HD95 (mm)", "Jaccard"]
    scores = report["regions"]["lesion"]["methods"]["ours of 5"]
    assert f"{scores['dice']['value']:.3f} [{scores['dice_without_empty']['value']:.3f}]" in table[2]
    low, high = scores["hd95"]["ci95"]
    assert "**ours of 5**" in table[2] and f"{low:.3f}–{high:.3f}" in table[3]
    assert "1 sample" in table[4] and "threshold" in table[6]
    assert "Baseline: flair > 0.6" in text


def test_table_of_regions_and_long_ensembles() -> None:
    cases = make_blobs(regions=2, samples=12)
    report = evaluate_segmentation(None, cases, ["WT", "TC"], CHANNELS, resamples=0)
    text = segmentation_table(report, provenance())
    assert "## WT: 6 slices with it, 3 without" in text and "## TC: 6 slices" in text
    sizes = text[text.index("## Dice by number") :].splitlines()
    assert [line.split("|")[1].strip() for line in sizes if line.startswith("|")][2:] == [
        *("1", "2", "3", "4", "5", "7", "10", "12")
    ]
    assert "95 % interval" not in text.split("First row")[0]


def test_table_of_a_single_network_without_lesions() -> None:
    report = evaluate_segmentation(None, make_blobs(n=1, keep=False), ["lesion"], CHANNELS)
    text = segmentation_table(report, provenance())
    assert "- [-]" in text and "## Dice by number" not in text and "## The method less" not in text
