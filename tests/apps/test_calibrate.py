# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_anomaly.apps.calibrate import calibrate
from monai_anomaly.apps.calibrate_check import calibrate_check
from monai_anomaly.apps.predict import predict
from monai_anomaly.data import find_datalist
from monai_anomaly.transforms import ThresholdMapd
from monai_anomaly.utils import DataError, write_nifti

SETTINGS = {"scale": 10.0, "slice_range": [1, 2], "threshold": "auto", "batch_size": 4}
WEIGHTS = {"file": "model.pt", "sha256": "a" * 64}
FAST = {"diffseg": {"num_samples": 2}, "diffanomaly": {"substeps": 1, "resampling": None}}


def write_results(
    folder: Path, count: int, sites: str = "", scale: float = 1.0, seed: int = 0, weights: Any = WEIGHTS, **known: Any
) -> Path:
    """Results of an inference on healthy people, whose maps are 1, 2, ... times as high from site to site."""
    generator = np.random.default_rng(seed)
    for i in range(count):
        site = {"site": sites[i % len(sites)]} if sites else {}
        height = scale * (1 + (sites.index(site["site"]) if site else 0))
        case = folder / f"p{i:03d}"
        write_nifti(case / "map.nii.gz", (height * generator.random((4, 4, 2))).astype(np.float32), np.eye(4))
        record = {"input": {**site, **known}, "weights": weights, "settings": SETTINGS}
        (case / "scores.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def highest(folder: Path) -> np.ndarray:
    return np.array([nib.load(p).get_fdata().max() for p in sorted(folder.glob("*/map.nii.gz"))])


def test_one_threshold_for_all_and_one_for_each_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_results(tmp_path / "healthy", 24, "AB", label=0)
    calibrate(folder, tmp_path / "threshold.json", alpha=0.2)
    chosen = json.loads((tmp_path / "threshold.json").read_text(encoding="utf-8"))
    values = highest(folder)
    assert chosen["value"] == pytest.approx(np.sort(values)[19]) and chosen["cases"] == 24
    assert chosen["sites"]["A"]["value"] == pytest.approx(np.sort(values[::2])[10])
    assert chosen["model"] == WEIGHTS and chosen["origin"] == "conformal"
    assert "| B | 12 |" in capsys.readouterr().out


def test_inference_takes_the_threshold_of_the_site(tmp_path: Path) -> None:
    calibrate(write_results(tmp_path / "healthy", 24, "AB"), tmp_path / "t.json", alpha=0.2)
    chosen = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    transform = ThresholdMapd("map", threshold_file=tmp_path / "t.json")
    image = torch.rand(1, 4, 4)
    of_b = transform({"map": image, "site": "B"})["threshold"]
    assert of_b == {
        "value": chosen["sites"]["B"]["value"], "origin": "conformal", "alpha": 0.2, "unit": "case", "site": "B",
    }  # fmt: skip
    assert transform({"map": image})["threshold"]["value"] == chosen["value"]
    with pytest.warns(UserWarning, match="site C is none of the calibration, which are A, B; nothing is promised"):
        of_c = transform({"map": image, "site": "C"})["threshold"]
    assert of_c == {"value": chosen["value"], "origin": "conformal"}


@pytest.mark.parametrize("unit", ["case", "voxel"])
def test_other_healthy_people_are_flagged_as_rarely_as_promised(tmp_path: Path, unit: str) -> None:
    calibrate(write_results(tmp_path / "healthy", 100, "AB"), tmp_path / "t.json", alpha=0.1, unit=unit)
    calibrate_check(tmp_path / "t.json", write_results(tmp_path / "new", 100, "AB", seed=1), tmp_path / "rates.json")
    rates = json.loads((tmp_path / "rates.json").read_text(encoding="utf-8"))
    assert [row["site"] for row in rates["rows"]] == ["all sites, one threshold", "A", "B"]
    for row in rates["rows"]:
        low, high = row["ci95"]
        assert low <= row["flagged"] <= high and low < 0.1 and row["flagged"] < 0.2
        assert row["cases"] == (100 if "all" in row["site"] else 50)


@pytest.mark.parametrize("bundle", ["diffseg", "diffanomaly"])
def test_from_inference_to_inference(bundle: str, tmp_path: Path) -> None:
    """By the weights that a bundle comes with, on healthy people: as many are flagged as the calibration allows."""
    phantom = {"subjects": 4, "healthy_fraction": 1.0, "split": [0, 0, 1], "spacing": 6.0, "seed": 5}
    people = find_datalist(tmp_path / "people", phantom, make_phantom=True)
    fast = {"slice_range": [12, 14], "steps": 2, "report": False, **FAST[bundle]}
    predict(bundle, people, tmp_path / "healthy", **fast)
    entry = "mean" if bundle == "diffseg" else "map"
    calibrate(tmp_path / "healthy", tmp_path / "t.json", alpha=0.4, entry=entry)
    predict(bundle, people, tmp_path / "again", threshold_file=str(tmp_path / "t.json"), **fast)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("again/*/scores.json")]
    assert all(one["threshold"]["origin"] == "conformal" and one["threshold"]["alpha"] == 0.4 for one in found)
    flagged = [bool(nib.load(path).get_fdata().any()) for path in tmp_path.glob("again/*/mask.nii.gz")]
    assert len(flagged) == 4 and sum(flagged) == 1  # the 3rd of 4 is the threshold: ceil(5 * 0.6)


def test_a_site_with_too_few_people_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calibrate(write_results(tmp_path / "healthy", 14, "AAAAAAB"), tmp_path / "t.json", alpha=0.1)
    assert "too few, and without a threshold of their own: B (2)" in capsys.readouterr().out
    assert list(json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["sites"]) == ["A"]


def test_alpha_that_so_few_people_do_not_allow(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "healthy", 5)
    with pytest.raises(
        DataError, match=r"alpha 0\.05: expected at least 19 healthy cases, found 5, which allow 0\.167"
    ):
        calibrate(folder, tmp_path / "t.json", alpha=0.05)
    assert not (tmp_path / "t.json").exists()


def test_several_images_of_a_person_count_once(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "healthy", 10)
    for i, path in enumerate(sorted(folder.glob("*/scores.json"))):
        record = {"input": {"patient": f"P{i // 2}"}, "settings": SETTINGS}
        path.write_text(json.dumps(record), encoding="utf-8")
    calibrate(folder, tmp_path / "t.json", alpha=0.2)
    chosen = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert chosen["cases"] == 5 and chosen["value"] == pytest.approx(highest(folder).max())


@pytest.mark.parametrize("label", [1, 1.0, "1"])
def test_who_has_one_diseased_image_is_no_healthy_person(
    label: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_results(tmp_path / "all", 10)
    for i, path in enumerate(sorted(folder.glob("*/scores.json"))):
        known = {"patient": f"P{i // 2}", "label": label if i == 3 else "0"}
        path.write_text(json.dumps({"input": known, "settings": SETTINGS}), encoding="utf-8")
    calibrate(folder, tmp_path / "t.json", alpha=0.2)
    assert "1 people with an image that is not healthy by its label are left out: P1" in capsys.readouterr().out
    chosen = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert chosen["cases"] == 4 and chosen["value"] == pytest.approx(np.delete(highest(folder), [2, 3]).max())


def test_a_site_may_have_any_name(tmp_path: Path) -> None:
    folder = write_results(tmp_path / "healthy", 24, "AB")
    for path in folder.glob("*/scores.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        record["input"]["site"] = {"A": "all", "B": 7}[record["input"]["site"]]
        path.write_text(json.dumps(record), encoding="utf-8")
    calibrate(folder, tmp_path / "t.json", alpha=0.2)
    chosen = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert chosen["cases"] == 24 and sorted(chosen["sites"]) == ["7", "all"]
    note = ThresholdMapd("map", threshold_file=tmp_path / "t.json")({"map": torch.rand(1, 4, 4), "site": 7})[
        "threshold"
    ]
    assert note["site"] == "7" and note["value"] == chosen["sites"]["7"]["value"]


def test_nothing_is_promised_of_a_site_that_was_not_there(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """Also where no site had enough people for a threshold of its own."""
    calibrate(write_results(tmp_path / "healthy", 12, "ABC"), tmp_path / "t.json", alpha=0.1)
    transform = ThresholdMapd("map", threshold_file=tmp_path / "t.json")
    few = transform({"map": torch.rand(1, 4, 4), "site": "A"})["threshold"]
    assert few["alpha"] == 0.1 and "site" not in few and not recwarn
    with pytest.warns(UserWarning, match="site D is none of the calibration, which are A, B, C"):
        assert "alpha" not in transform({"map": torch.rand(1, 4, 4), "site": "D"})["threshold"]


def test_nothing_is_promised_of_other_settings(tmp_path: Path) -> None:
    calibrate(write_results(tmp_path / "healthy", 12), tmp_path / "t.json", alpha=0.1)
    same = {**SETTINGS, "threshold": 0.2, "batch_size": 16, "slice_range": (1, 2)}
    for settings, promised in ((same, True), ({**same, "scale": 5.0}, False)):
        transform = ThresholdMapd("map", threshold_file=tmp_path / "t.json", settings=settings)
        if promised:
            assert transform({"map": torch.rand(1, 4, 4)})["threshold"]["alpha"] == 0.1
        else:
            with pytest.warns(UserWarning, match=r"calibrated with scale 10\.0, not 5\.0; nothing is promised"):
                assert "alpha" not in transform({"map": torch.rand(1, 4, 4)})["threshold"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"alpha": 1.5}, "--alpha: expected a share between 0 and 1, found 1.5"),
        ({"alpha": "5%"}, "--alpha: expected a finite number, found '5%'"),
        ({"unit": "voxels"}, "--unit: expected case or voxel, found 'voxels'"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(reason)):
        calibrate(write_results(tmp_path / "healthy", 9), tmp_path / "t.json", **options)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected the results of an inference on healthy cases, found no"):
        calibrate(tmp_path, tmp_path / "t.json")
    two = write_results(tmp_path / "two", 9)
    record = {"weights": {"file": "o", "sha256": "b" * 64}, "settings": SETTINGS}
    (two / "p000" / "scores.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(DataError, match=r"expected maps of one model, found those of 2"):
        calibrate(two, tmp_path / "t.json")
    (two / "p000" / "scores.json").write_text(json.dumps({"weights": WEIGHTS, "settings": {"scale": 5.0}}), "utf-8")
    with pytest.raises(DataError, match=r"with the same settings, found scale 5\.0 for p000 and 10\.0"):
        calibrate(two, tmp_path / "t.json")
    (two / "p000" / "scores.json").write_text(json.dumps({"encoding": "classes"}), "utf-8")
    with pytest.raises(DataError, match=r"found exclusive classes, whose sum is cut"):
        calibrate(two, tmp_path / "t.json")
    folder = write_results(tmp_path / "healthy", 9)
    calibrate(folder, tmp_path / "t.json")
    other = write_results(tmp_path / "other", 3, weights={"file": "o", "sha256": "b" * 64})
    with pytest.raises(DataError, match=r"the weights and settings that .*t\.json is of, found others"):
        calibrate_check(tmp_path / "t.json", other)
    (tmp_path / "old.json").write_text('{"value": 1, "origin": "validation"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"old\.json: expected a threshold that calibrate wrote"):
        calibrate_check(tmp_path / "old.json", folder)
    (folder / "p003" / "map.nii.gz").write_bytes(b"no NIfTI")
    with pytest.raises(DataError, match=r"p003.map\.nii\.gz: expected a map in NIfTI"):
        calibrate(folder, tmp_path / "t.json")
