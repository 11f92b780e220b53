# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch.distributed as dist

from monai_anomaly.handlers import CollectSegmentations, report_segmentation
from monai_anomaly.metrics import SegmentationCases
from monai_anomaly.visualize.style import COLORS
from tests.metrics.segmentation.blobs import make_blobs
from tests.visualize.pictures import cells, has_color, pixels

FILES = ["cases.npz", "curves.png", "examples.png", "metrics.csv", "metrics.json", "metrics.md"]


def report(folder: Path, cases: Any, names: tuple[str, ...] = ("lesion",), **options: Any) -> dict[str, Any]:
    return report_segmentation(cases, folder, names, ["t1", "flair"], **{"resamples": 50, "rows": 3, **options})


def test_everything_at_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    collect = CollectSegmentations()
    collect.cases = make_blobs()
    validation = [{"image": i, "mask": m} for i, m in zip(*(make_blobs(1)[k] for k in ("image", "mask")), strict=True)]
    result = report(tmp_path, collect, validation_slices=validation, config="quick", seed=0, show="t1")
    assert "| **ensemble of 5** " in capsys.readouterr().out
    assert list(result["regions"]["lesion"]["methods"]) == ["ensemble of 5", "1 sample", "threshold"]
    assert sorted(p.name for p in tmp_path.iterdir()) == FILES
    drawn, cases = cells(tmp_path / "examples.png", 3, 7), collect.cases
    share = cases.lesion_pixels.max() / cases["mask"][0].size  # the largest lesion first
    assert (drawn[0][1] > 127).mean() == pytest.approx(share, abs=0.02) and drawn[2][1].max() == 0
    assert all(has_color(d, COLORS[0]).any() for d in np.array_split(pixels(tmp_path / "curves.png"), 3, axis=1))
    again = SegmentationCases.load(tmp_path / "cases.npz")
    np.testing.assert_allclose(again["image"][:, 0], collect.cases["image"][:, 0], atol=1e-3)


def test_a_picture_for_every_region(tmp_path: Path) -> None:
    report(tmp_path, make_blobs(regions=2), ("WT", "TC"), show="unknown")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*FILES, "examples_TC.png"])


@pytest.mark.parametrize("options", [{"keep": False}, {"samples": 1}, {"n": 1}])
def test_single_networks_and_sets_without_lesions(tmp_path: Path, options: dict) -> None:
    report(tmp_path, make_blobs(**options))
    assert sorted(p.name for p in tmp_path.iterdir()) == FILES


def test_other_processes_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    assert report(tmp_path, make_blobs())["counts"]["slices"] == 9
    assert not list(tmp_path.iterdir())
