# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_anomaly.apps.segmentation_compare import segmentation_compare
from monai_anomaly.handlers import report_segmentation
from monai_anomaly.metrics import SegmentationCases, cluster_bootstrap
from monai_anomaly.utils import DataError
from tests.metrics.segmentation.blobs import make_blobs
from tests.visualize.pictures import cells


def evaluate(folder: Path, cases: SegmentationCases, names: tuple[str, ...] = ("lesion",), **options: Any) -> str:
    options = {"resamples": 50, "rows": 2, "validation_slices": make_blobs(1, regions=len(names)), **options}
    report_segmentation(cases, folder, names, ["t1", "flair"], config="quick", seed=0, **options)
    return str(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("eval")
    turned = make_blobs(wobble=3.0)
    return {
        "ours": evaluate(root / "ours", make_blobs()),
        "Bayesian SegNet": evaluate(root / "bayesian", turned.subset(reversed(range(len(turned))))),
        "SegNet": evaluate(root / "segnet", make_blobs(keep=False), method="segnet"),
    }


@pytest.fixture
def copied(tmp_path: Path, folders: dict[str, str]) -> Path:
    """Ours once more, to be spoiled."""
    return Path(shutil.copytree(folders["ours"], tmp_path / "copied"))


def pairs(folders: dict[str, str]) -> list[str]:
    return [f"{name}={folder}" for name, folder in folders.items()]


def test_methods_stand_side_by_side(tmp_path: Path, folders: dict[str, str]) -> None:
    out = tmp_path / "compare.json"
    (Path(folders["SegNet"]) / "training.json").write_text('{"parameters": 1234567, "minutes": 7.5}')
    text = segmentation_compare(out, *pairs(folders), rows=2, resamples=50)
    (Path(folders["SegNet"]) / "training.json").unlink()
    assert (tmp_path / "compare.md").read_text(encoding="utf-8") == text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["compare.json", "compare.md", "compare.png"]
    truth = make_blobs()["mask"][:, 0].mean((1, 2))
    drawn = cells(tmp_path / "compare.png", 2, 5)  # input, truth, uncertainty of each, the largest lesion first
    assert (drawn[0][1] > 127).mean() == pytest.approx(truth.max(), abs=0.02)
    assert (drawn[1][1] > 127).mean() == pytest.approx(truth[truth > 0].min(), abs=0.02)
    assert (drawn[0][3] > 100).sum() > (drawn[0][2] > 100).sum()  # a border that wobbles more
    result = json.loads(out.read_text(encoding="utf-8"))
    region = result["regions"]["lesion"]
    ours = ["ours (ensemble of 5)", "ours (1 sample)"]
    other = ["Bayesian SegNet (ensemble of 5)", "Bayesian SegNet (1 sample)"]
    assert list(region["methods"]) == [*ours, *other, "SegNet", "threshold"]
    assert list(region["of_the_mean"]) == list(result["methods"]) == list(folders)
    assert "| **ours (ensemble of 5)** " in text and "1,234,567" in text and "| 7.5 " in text
    original = json.loads((Path(folders["SegNet"]) / "metrics.json").read_text(encoding="utf-8"))
    assert region["methods"]["SegNet"] == original["regions"]["lesion"]["methods"]["segnet"]


def test_differences_are_of_the_same_slices_in_whatever_order(tmp_path: Path, folders: dict[str, str]) -> None:
    segmentation_compare(tmp_path / "c.json", *pairs(folders), rows=2, resamples=50)
    result = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    region = result["regions"]["lesion"]
    dice = {name: np.array(values, float) for name, values in region["per_slice"].items()}
    for name, less in region["comparisons"].items():
        assert less["less"] == "ours (ensemble of 5)" and less["dice"]["n"] == 6
        difference = dice[name] - dice["ours (ensemble of 5)"]
        assert less["dice"]["value"] == pytest.approx(np.nanmean(difference))
        interval = cluster_bootstrap(difference, result["slices"]["subject"], resamples=50)
        assert less["dice"]["ci95"] == pytest.approx(interval)
    assert region["comparisons"]["SegNet"]["dice"]["value"] == 0  # the same means
    assert region["comparisons"]["Bayesian SegNet (ensemble of 5)"]["dice"]["ci95"][1] < 0
    turned = json.loads((Path(folders["Bayesian SegNet"]) / "metrics.json").read_text(encoding="utf-8"))["cases"]
    assert region["per_slice"]["Bayesian SegNet (ensemble of 5)"] == [row["dice_lesion"] for row in reversed(turned)]


def test_a_picture_and_a_table_for_every_region(tmp_path: Path) -> None:
    folder = evaluate(tmp_path / "a", make_blobs(regions=2), ("WT", "TC"))
    text = segmentation_compare(tmp_path / "c.json", f"a={folder}", f"b={folder}", rows=2, resamples=0)
    assert (tmp_path / "c.png").exists() and (tmp_path / "c_TC.png").exists()
    assert "## WT: 6 slices" in text and "## TC: 6 slices" in text


def test_slices_of_the_picture_can_be_chosen(tmp_path: Path, folders: dict[str, str]) -> None:
    segmentation_compare(tmp_path / "a.json", *pairs(folders), slices=[("s0", 41)], resamples=0)
    segmentation_compare(tmp_path / "b.json", *pairs(folders), slices=[("s0", 41), ("s2", "47")], resamples=0)
    one, two = cells(tmp_path / "a.png", 1, 5), cells(tmp_path / "b.png", 2, 5)
    assert np.abs(one[0][1] - two[0][1]).mean() < 1
    with pytest.raises(DataError, match=r"ours: expected the slices .* found no \[\('s9', '1'\)\]"):
        segmentation_compare(tmp_path / "c.json", *pairs(folders), slices=[("s9", 1)])
    assert not (tmp_path / "c.json").exists()


def test_one_method_has_nothing_to_be_compared_to(tmp_path: Path, folders: dict[str, str]) -> None:
    text = segmentation_compare(tmp_path / "c.json", f"SegNet={evaluate(tmp_path / 'a', make_blobs(keep=False))}")
    assert list(json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["regions"]["lesion"]["comparisons"]) == [
        "threshold"
    ]
    assert "## Less SegNet, Dice" in text


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 5}, r"expected lesion pixels of s\d \d+ 0 \d+, as .*ours/metrics\.json has it, found \d+"),
        ({"size": 40}, "expected pixels of a slice 1024, as .* found 1600"),
        ({"regions": 2}, r"expected regions \['lesion'\], as .* found \['r0', 'r1'\]"),
    ],
)
def test_other_slices_are_refused(tmp_path: Path, folders: dict[str, str], other: dict, message: str) -> None:
    names = ("r0", "r1") if "regions" in other else ("lesion",)
    folder = evaluate(tmp_path / "other", make_blobs(**other), names)
    with pytest.raises(DataError, match=rf"other/metrics\.json: {message}"):
        segmentation_compare(tmp_path / "c.json", f"ours={folders['ours']}", f"b={folder}")
    assert not (tmp_path / "c.json").exists()


def test_more_or_fewer_slices_are_refused(tmp_path: Path, folders: dict[str, str]) -> None:
    few = evaluate(tmp_path / "few", make_blobs().subset(range(7)))
    with pytest.raises(DataError, match=r"few/metrics\.json: expected .* s2 47 \[\d+\], as .* found None"):
        segmentation_compare(tmp_path / "c.json", f"all={folders['ours']}", f"few={few}")
    with pytest.raises(DataError, match=r"ours/metrics\.json: expected .* s2 47 None, as .*few.* found \["):
        segmentation_compare(tmp_path / "c.json", f"few={few}", f"all={folders['ours']}")


def test_another_spacing_is_refused(tmp_path: Path, folders: dict[str, str]) -> None:
    folder = evaluate(tmp_path / "other", make_blobs(), spacing=3.0)
    with pytest.raises(DataError, match=r"other/metrics\.json: expected settings spacing_mm 1\.0, as .* found 3\.0"):
        segmentation_compare(tmp_path / "c.json", f"ours={folders['ours']}", f"b={folder}")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("metrics.json", None, "expected the report of an evaluation, found no such file"),
        ("metrics.json", "{", "expected the report of a segmentation, found Expecting"),
        ("metrics.json", "[]", "expected the report of a segmentation, found a list"),
        ("metrics.json", '{"settings": {}, "methods": {}}', "expected the report of a segmentation, found none of"),
        ("cases.npz", None, "expected the saved slices of an evaluation, found no such file"),
        ("training.json", "[1]", "expected the numbers of a training, found a list"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, copied: Path, file: str, content: Any, message: str
) -> None:
    (copied / file).unlink() if content is None else (copied / file).write_text(content)
    with pytest.raises(DataError, match=rf"copied/{file}: {message}"):
        segmentation_compare(tmp_path / "c.json", f"a={copied}")


def test_saved_slices_of_another_evaluation_are_refused(tmp_path: Path, copied: Path) -> None:
    make_blobs(seed=5).save(copied / "cases.npz", 0)
    with pytest.raises(DataError, match=r"copied/cases\.npz: expected lesion pixels of .* as metrics\.json beside it"):
        segmentation_compare(tmp_path / "c.json", f"a={copied}")


def test_a_slice_twice_is_refused(tmp_path: Path, copied: Path) -> None:
    report = json.loads((copied / "metrics.json").read_text(encoding="utf-8"))
    report["cases"].append(report["cases"][0])
    (copied / "metrics.json").write_text(json.dumps(report))
    with pytest.raises(DataError, match=r"metrics\.json: expected every slice once, found 's0 40' more often"):
        segmentation_compare(tmp_path / "c.json", f"a={copied}")


@pytest.mark.parametrize("methods", [(), ("eval",), ("=eval",), ("a=x", "a=y")])
def test_methods_have_names(tmp_path: Path, methods: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"methods must (be NAME=FOLDER|have different names)"):
        segmentation_compare(tmp_path / "c.json", *methods)
