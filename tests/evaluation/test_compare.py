# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_anomaly.evaluation import AnomalyMaps, Cases, Classification, Segmentation, Translation, compare, save_cases
from monai_anomaly.metrics import cluster_bootstrap
from monai_anomaly.utils import DataError

from .blobs import make_blobs
from .edits import make_edits
from .folders import write_folder
from .squares import make_squares

MAPS = AnomalyMaps(["gray"], data_range=2.0, background=-1.0)
MASKS = Segmentation(["t1", "flair"], ["WT", "TC"])
CLASSES = Classification(["control", "patient", "other"])


def make_classes(strength: float = 2.0, seed: int = 0) -> Cases:
    """Logits of three classes, two scans per subject, of two sites."""
    truth, noise = np.random.default_rng(0), np.random.default_rng(seed)
    cases = Cases(CLASSES.schema)
    for i in range(24):
        label = int(truth.integers(3))
        logits = strength * np.eye(3)[label] + noise.normal(size=3)
        cases.append(f"s{i // 2}", i % 2, logits=logits, label=label, site="AB"[i % 3 == 0])
    return cases


def backward(cases: Cases) -> Cases:
    return cases.subset(reversed(range(len(cases))))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("eval")
    write_folder(root / "ours", MAPS, make_squares(), make_squares(1))
    write_folder(root / "again", MAPS, make_squares(error=0.1, noise_seed=5), make_squares(1), seed=1)
    write_folder(root / "VAE", MAPS, backward(make_squares(error=0.4)), make_squares(1, error=0.4))
    write_folder(root / "DenseNet", MAPS, make_squares(maps=False, logit=4.0))
    masks, trained = make_blobs(1, regions=2), [{"label": 1}]
    write_folder(root / "diffusion", MASKS, make_blobs(regions=2), masks)
    write_folder(root / "Bayesian", MASKS, backward(make_blobs(regions=2, wobble=3.0)), masks)
    write_folder(root / "SegNet", MASKS, make_blobs(regions=2, keep=False), masks)
    write_folder(root / "large", CLASSES, make_classes(), training=trained)
    write_folder(root / "small", CLASSES, backward(make_classes(0.5, seed=1)), training=trained)
    return {path.name: str(path) for path in root.iterdir()}


def compared(folder: Path, folders: dict[str, str], *names: str, **options: Any) -> tuple[str, dict[str, Any]]:
    out = folder / "compare.json"
    text = compare(out, *(f"{name}={folders[name]}" for name in names), **{"rows": 1, "resamples": 50, **options})
    return text, json.loads(out.read_text(encoding="utf-8"))


def report(folder: str) -> dict[str, Any]:
    return json.loads((Path(folder) / "metrics.json").read_text(encoding="utf-8"))


def table(text: str, title: str) -> dict[str, list[str]]:
    """First cell of each row of a section's first table -> the others; only the last of equal ones."""
    lines = text.split(f"## {title}")[1].split("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {first.strip("*"): others for first, *others in cells}


def test_anomaly_maps_side_by_side(tmp_path: Path, folders: dict[str, str]) -> None:
    text, result = compared(tmp_path, folders, "ours", "VAE", "DenseNet")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["compare.json", "compare.md", "compare.png"]
    assert (tmp_path / "compare.md").read_text(encoding="utf-8") == text
    # the same cases have the same baselines
    assert list(result["parts"]["all"]["methods"]) == ["ours", "VAE", "DenseNet", "input untouched", "intensity gray"]
    own = report(folders["VAE"])["parts"]["all"]["methods"]["method"]
    assert result["parts"]["all"]["methods"]["VAE"] == own
    assert table(text, "Anomaly maps")["VAE"][0] == f"{own['dice_validation']['value']:.3f}"
    assert "DenseNet" not in table(text, "Anomaly maps") and "DenseNet" in table(text, "Classification of images")
    assert [name for name in table(text, "Methods") if name.isalpha()] == ["method", "ours", "VAE", "DenseNet"]


def test_methods_without_a_reconstruction_have_no_picture(tmp_path: Path, folders: dict[str, str]) -> None:
    compared(tmp_path, folders, "DenseNet")
    assert not (tmp_path / "compare.png").exists()
    compared(tmp_path, folders, "ours", "DenseNet")
    with Image.open(tmp_path / "compare.png") as one:
        width = one.width
    compared(tmp_path, folders, "ours", "VAE", "DenseNet")
    with Image.open(tmp_path / "compare.png") as two:
        assert two.width > width


def test_segmentations_have_a_part_and_a_picture_for_every_region(tmp_path: Path, folders: dict[str, str]) -> None:
    text, result = compared(tmp_path, folders, "diffusion", "Bayesian", "SegNet")
    assert {"compare.png", "compare_TC.png"} <= {path.name for path in tmp_path.iterdir()}
    rows = ["diffusion", "diffusion (1 sample)", "Bayesian", "Bayesian (1 sample)", "SegNet", "threshold"]
    assert list(result["parts"]) == ["WT", "TC"] and list(result["parts"]["TC"]["methods"]) == rows
    own = report(folders["diffusion"])["parts"]["TC"]["methods"]
    found = result["parts"]["TC"]["methods"]
    assert found["diffusion"]["ece"]["value"] == own["method of 5"]["ece"]["value"]
    assert found["diffusion (1 sample)"]["dice"] == own["1 sample"]["dice"]
    about = report(folders["SegNet"])["parts"]["TC"]["about"]
    assert result["parts"]["TC"]["about"]["threshold"] == about["threshold"]
    assert result["parts"]["TC"]["about"]["SegNet"] == about["method"]
    # the curves stay with the evaluations
    assert "bins" in own["method of 5"]["ece"] and "bins" not in found["diffusion"]["ece"]
    assert "Dice by number of samples" not in text
    # the same mean, whether its samples were kept or not
    assert result["parts"]["TC"]["comparisons"]["SegNet"]["dice"]["value"] == 0
    assert result["parts"]["TC"]["comparisons"]["Bayesian"]["dice"]["ci95"][0] > 0


def test_classifications_are_compared_in_all_and_at_every_site(tmp_path: Path, folders: dict[str, str]) -> None:
    text, result = compared(tmp_path, folders, "large", "small")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compare.json", "compare.md"]
    assert list(result["parts"]) == ["all", "A", "B"]
    assert list(result["parts"]["B"]["methods"]) == ["large", "small", "most frequent"]
    counts = {part: entry["comparisons"]["small"]["accuracy"]["n"] for part, entry in result["parts"].items()}
    assert counts == {"all": 24, "A": 16, "B": 8}
    rows = [report(folders[name])["cases"] for name in ("large", "small")]
    right = [{(row["subject"], row["slice"]): row["accuracy"] for row in own} for own in rows]
    mean = np.mean([right[0][key] - right[1][key] for key in right[0]])
    assert result["parts"]["all"]["comparisons"]["small"]["accuracy"]["value"] == pytest.approx(mean)
    assert table(text, "First row minus each other, all")["small"][0] == f"{mean:+.3f}"
    assert "confusion" not in result["parts"]["all"]["methods"]["large"]["accuracy"]


def test_differences_are_of_the_same_cases_in_whatever_order(tmp_path: Path, folders: dict[str, str]) -> None:
    _, result = compared(tmp_path, folders, "ours", "VAE", "DenseNet")
    columns, found = result["columns"], result["parts"]["all"]["comparisons"]
    assert "DenseNet" not in found
    for score in ("dice_average_otsu_truth", "dice_validation", "twin_mae_lesion"):
        ours, theirs = (np.array(columns[f"{score} ({name})"], float) for name in ("ours", "VAE"))
        difference = found["VAE"][score]
        assert difference["n"] == 6 and difference["value"] == pytest.approx(np.nanmean(ours - theirs))
        interval = cluster_bootstrap(ours - theirs, columns["subject"], resamples=50)
        assert difference["ci95"] == pytest.approx(interval)
    rows = report(folders["VAE"])["cases"]
    assert columns["dice_validation (VAE)"] == [row["dice_validation"] for row in reversed(rows)]
    assert columns["lesion_pixels"] == [row["lesion_pixels"] for row in reversed(rows)]


def test_trainings_of_one_method_show_their_spread(tmp_path: Path, folders: dict[str, str]) -> None:
    both = {"ours": f"{folders['ours']},{folders['again']}", "VAE": folders["VAE"]}
    text, result = compared(tmp_path, both, "ours", "VAE")
    assert list(result["seeds"]) == ["ours"] and result["seeds"]["ours"]["seeds"] == [0, 1]
    runs = [report(folders[name])["parts"]["all"]["methods"]["method"] for name in ("ours", "again")]
    spread = result["seeds"]["ours"]["parts"]["all"]
    for score in ("dice_validation", "image_auroc_classifier", "change_healthy"):
        values = [run[score]["value"] for run in runs]
        assert spread[score]["values"] == values and spread[score]["value"] == pytest.approx(np.mean(values))
        assert (spread[score]["min"], spread[score]["max"]) == (min(values), max(values))
        assert spread[score]["sd"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    low = min(run["dice_validation"]["value"] for run in runs)
    assert f"({low:.4f}–" in table(text, "Seeds")["dice validation"][0]
    # the tables have the first
    alone, single = compared(tmp_path, folders, "ours", "VAE")
    assert single["parts"] == result["parts"] and "## Seeds" not in alone


def test_seed_and_revision_are_those_of_the_training(tmp_path: Path) -> None:
    """Trainings that were evaluated later, all by one configuration."""
    trained = [{"settings": {"seed": seed}, "git_revision": "abc"} for seed in (3, 4)]
    own = [write_folder(tmp_path / str(i), CLASSES, make_classes(seed=i), trained=t) for i, t in enumerate(trained)]
    unknown = write_folder(tmp_path / "unknown", CLASSES, make_classes(seed=5), seed=7)
    text, result = compared(tmp_path, {"a": ",".join([*own, unknown])}, "a")
    assert result["seeds"]["a"]["seeds"] == [3, 4, 7] and "a (seeds 3, 4, 7)" in text
    assert table(text, "Methods")["a"][3:5] == ["3", "abc"]


def test_trainings_with_thresholds_of_their_own_are_compared(tmp_path: Path) -> None:
    own = [
        write_folder(tmp_path / f"{w}", MASKS, make_blobs(regions=2, wobble=w), make_blobs(1, regions=2, wobble=w))
        for w in (1.0, 3.0)
    ]
    _, result = compared(tmp_path, {"a": ",".join(own)}, "a")
    values = [report(folder)["parts"]["TC"]["methods"]["method of 5"]["dice"]["value"] for folder in own]
    assert result["seeds"]["a"]["parts"]["TC"]["dice"]["values"] == values
    compared(tmp_path, {"a": own[0], "b": own[1]}, "a", "b")


def test_settings_that_are_not_finite_are_compared(tmp_path: Path) -> None:
    task = Translation(["t1", "flair"], background=-np.inf)
    own = {name: write_folder(tmp_path / name, task, make_edits(reach=r)) for name, r in (("a", 1.0), ("b", 0.5))}
    _, result = compared(tmp_path, own, "a", "b")
    assert result["settings"]["background"] == "-inf"


def test_parameters_and_minutes_of_a_training(tmp_path: Path, folders: dict[str, str]) -> None:
    copied = {"large": shutil.copytree(folders["large"], tmp_path / "copied")}
    (tmp_path / "copied/training.json").write_text('{"parameters": 1234567, "minutes": 7.5}')
    text, _ = compared(tmp_path, copied, "large")
    assert table(text, "Methods")["large"][:4] == ["1,234,567", "7.5", "quick", "0"]


def test_cases_of_the_picture_can_be_chosen(tmp_path: Path, folders: dict[str, str]) -> None:
    heights = []
    for cases in ([("s0", 41)], [("s0", 41), ("s2", "47")]):
        compared(tmp_path, folders, "diffusion", "SegNet", cases=cases)
        with Image.open(tmp_path / "compare.png") as image:
            heights.append(image.height)
    assert heights[0] < heights[1]
    for name in ("ours", "diffusion"):
        with pytest.raises(DataError, match=rf"{name}: expected the \w+ .* found no \[\('s99', '0'\)\]"):
            compared(tmp_path / "new", folders, name, cases=[("s99", 0)])
    assert not (tmp_path / "new/compare.json").exists()


def test_without_truth_there_are_the_changes(tmp_path: Path) -> None:
    own = {
        name: write_folder(tmp_path / name, MAPS, make_squares(truth=False, error=e), make_squares(1, truth=False))
        for name, e in (("a", 0.1), ("b", 0.2))
    }
    text, result = compared(tmp_path, own, "a", "b")
    assert result["parts"]["all"]["comparisons"] == {} and (tmp_path / "compare.png").exists()
    assert {"a", "b"} <= set(table(text, "Healthy reconstruction"))


def test_a_picture_needs_the_cases_that_were_scored(tmp_path: Path, folders: dict[str, str]) -> None:
    copied = {"a": shutil.copytree(folders["diffusion"], tmp_path / "copied")}
    path = tmp_path / "copied/cases.npz"
    path.unlink()
    with pytest.raises(DataError, match=r"copied/cases\.npz: expected the saved cases of an evaluation, found no such"):
        compared(tmp_path, copied, "a")
    save_cases(make_blobs(regions=2), path, "another")
    with pytest.raises(
        DataError, match=r"copied/cases\.npz: expected the cases of run .* found those of run 'another'"
    ):
        compared(tmp_path, copied, "a")
    save_cases(make_blobs(seed=5, regions=2), path, report(folders["diffusion"])["provenance"]["run"])
    message = r"copied/cases\.npz: expected case s\d \d+ lesion_pixels_\w+ \d+, as metrics\.json beside it has it"
    with pytest.raises(DataError, match=message):
        compared(tmp_path, copied, "a")
    assert not (tmp_path / "compare.json").exists()


@pytest.mark.parametrize(
    ("first", "second"),
    [("ours", "intensity gray"), ("intensity gray", "ours"), ("a", "a (1 sample)"), ("threshold", "a")],
)
def test_methods_called_like_another_row_are_refused(
    tmp_path: Path, folders: dict[str, str], first: str, second: str
) -> None:
    kinds = ("ours", "VAE") if "ours" in (first, second) else ("diffusion", "SegNet")
    own = {first: folders[kinds[0]], second: folders[kinds[1]]}
    with pytest.raises(ValueError, match="methods must have names that no baseline and no variant of another has, got"):
        compared(tmp_path, own, first, second)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["x.md", "x.png", "x"])
def test_what_is_written_beside_cannot_be_the_output(tmp_path: Path, folders: dict[str, str], name: str) -> None:
    with pytest.raises(ValueError, match=r"out must end in \.json"):
        compare(tmp_path / name, f"a={folders['large']}")
    assert not list(tmp_path.iterdir())


def test_no_rows_are_no_picture(tmp_path: Path, folders: dict[str, str]) -> None:
    for options in ({"rows": 0}, {"cases": []}):
        compared(tmp_path, folders, "diffusion", **options)
        assert not list(tmp_path.glob("*.png"))
    with pytest.raises(ValueError, match="rows must be at least 0, got -1"):
        compared(tmp_path, folders, "diffusion", rows=-1)


def test_a_copy_of_a_training_is_no_other_seed(tmp_path: Path, folders: dict[str, str]) -> None:
    copied = shutil.copytree(folders["large"], tmp_path / "copy")
    with pytest.raises(
        DataError, match=r"copy/metrics\.json: expected another training than .*large/metrics\.json, fo"
    ):
        compared(tmp_path, {"a": f"{folders['large']},{copied}"}, "a")


def test_names_divide_no_table_and_leave_no_folder(tmp_path: Path) -> None:
    task = Segmentation(["t1", "flair"], ["WT", "T/C"])
    own = {"a|b": write_folder(tmp_path / "eval", task, make_blobs(regions=2))}
    text, _ = compared(tmp_path, own, "a|b")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["compare.png", "compare_T%2FC.png"]
    assert "**a\\|b**" in text


def test_a_baseline_of_a_random_augmentation_stands_with_each_method_that_has_another(tmp_path: Path) -> None:
    def healthy(level: float) -> list[dict[str, Any]]:
        return [{"image": np.full((1, 24, 24), level, np.float32), "label": 0}]

    own = {
        name: write_folder(tmp_path / name, MAPS, make_squares(), training=healthy(level))
        for name, level in (("a", -0.1), ("b", -0.1), ("c", 0.1))
    }
    _, result = compared(tmp_path, own, "a", "b", "c")
    rows = list(result["parts"]["all"]["methods"])
    assert rows[3:] == ["input untouched", "intensity gray", "distance to mean healthy", "distance to mean healthy (c)"]
    for row, name in (("distance to mean healthy", "b"), ("distance to mean healthy (c)", "c")):
        expected = report(own[name])["parts"]["all"]["methods"]["distance to mean healthy"]
        assert result["parts"]["all"]["methods"][row] == expected
