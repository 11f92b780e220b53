# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The synthetic data set that the bundle writes, from the healthy people to a detector that reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from monai_anomaly.data import load_datalist

from .test_difftranslation_inference import apply, reason, values, weights, write_mask
from .tiny_data import MODALITIES, NATIVE, write_case
from .workflow import merged

__all__ = ["weights"]  # the fixture

HEALTHY = ("h0", "h1")
TURNED = np.array([[0, 1.0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
OPTIONS: dict[str, Any] = {"displayable_configs#slice_range": None, "min_lesion_pixels": 4}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two healthy people, one of them twice, a diseased one whose axes are exchanged, and somebody to test on."""
    samples: list[dict[str, Any]] = []
    for name in (*HEALTHY, "d", "t"):
        affine = TURNED if name == "d" else None
        folder = write_case(tmp_path / "real" / name, affine=affine)
        sample = {"image": [str(folder / f"{m}.nii.gz") for m in MODALITIES], "subject": name, "label": 0, "site": "A"}
        where = np.s_[4:10, 5:15, 1:3] if name in "dt" else np.s_[:0]
        sample["mask"] = str(write_mask(folder / "seg.nii.gz", where, affine=affine))
        sample["label"] = int(name in "dt")
        samples.append(sample)
    path = tmp_path / "real" / "datalist.json"
    listed = {"modalities": list(MODALITIES), "training": [*samples[:3], samples[1]], "test": samples[3:]}
    listed["validation"] = samples[3:]
    path.write_text(json.dumps(listed))
    return path


def make(weights: Path, source: Path, **overrides: Any) -> Path:
    output = source.parents[1] / "synthetic"
    apply(weights, output, "synthesize", dataset_dir=str(source), **{**OPTIONS, **overrides})
    return output


def test_the_image_is_the_own_one_but_for_the_lesion(weights: Path, source: Path) -> None:
    output = make(weights, source)
    assert {p.name for p in output.iterdir()} == {*HEALTHY, "h1_2", "datalist.json"}
    files = {*(f"{m}.nii.gz" for m in MODALITIES), "seg.nii.gz", "sample.json"}
    for name in HEALTHY:
        assert {p.name for p in (output / name).iterdir()} == files
        mask = values(output / name / "seg.nii.gz")
        # the lesion of the donor, with its axes exchanged, cut to the brain of this person
        expected = np.zeros_like(mask)
        expected[5:13, 4:10, 1:3] = 1
        np.testing.assert_array_equal(mask, expected)
        for modality in MODALITIES:
            before, after = (values(f / name / f"{modality}.nii.gz") for f in (source.parent, output))
            brain = np.any([values(source.parent / name / f"{m}.nii.gz") > 0 for m in MODALITIES], 0)
            changed = before != after
            assert changed[mask > 0].mean() > 0.9 and not changed[~brain].any()
            assert changed.any((0, 1)).tolist() == [False, True, True, False]
            x, y = np.nonzero(changed.any(2))
            assert x.min() >= 5 - 4 and x.max() <= 12 and y.min() >= 4 - 4 and y.max() <= 9 + 4
            assert after.min() >= before.min()
            geometry = [nib.load(f / name / f"{modality}.nii.gz").affine for f in (source.parent, output)]
            np.testing.assert_array_equal(*geometry)


def test_the_change_is_in_the_units_of_the_input(weights: Path, source: Path) -> None:
    """Of images twice as bright it is twice as large."""
    one = make(weights, source)
    for file in (source.parent / "h0").glob("t*.nii.gz"):
        image = nib.load(file)
        nib.save(nib.Nifti1Image(2 * image.get_fdata(dtype=np.float32), image.affine), file)
    two = source.parents[1] / "twice"
    apply(weights, two, "synthesize", dataset_dir=str(source), output_dir=str(two), **OPTIONS)
    for modality, factor in (("t1", 2), ("flair", 1)):
        first, second = (values(f / "h0" / f"{modality}.nii.gz") for f in (one, two))
        np.testing.assert_allclose(factor * first, second, rtol=1e-3, atol=1e-2)


def test_other_bundles_read_it(weights: Path, source: Path) -> None:
    output = make(weights, source)
    entries = load_datalist(output / "datalist.json", "training", MODALITIES, requires=["mask"], num_classes=2)
    assert [entry["subject"] for entry in entries] == ["h0", "h1", "h1"]  # a split by patient stays one
    assert all((e["synthetic"], e["donor"], e["label"], e["site"]) == (True, "d", 1, "A") for e in entries)
    assert [e["subject"] for e in load_datalist(output / "datalist.json", "test", MODALITIES)] == ["t"]
    for names in (["train"], ["train", "dynunet"]):
        parser = merged("diffseg", *names)
        parser.update({**NATIVE, "dataset_dir": str(output), "slice_range": None, "min_lesion_pixels": 2})
        dataset = parser.get_parsed_content("train#dataset")
        assert dataset.labels == 3 * [0, 1, 1, 0] and dataset.summary["with_lesion"] == 3
    with_real = json.loads((output / "datalist.json").read_text(encoding="utf-8"))
    make(weights, source, real_sections=["training", "test"])
    mixed = load_datalist(output / "datalist.json", "training", MODALITIES)
    assert len(mixed) == 4 + 3 and sum(entry.get("synthetic", False) for entry in mixed) == 3
    assert len(with_real["training"]) == 3


def test_a_run_that_was_stopped_makes_what_is_missing(weights: Path, source: Path) -> None:
    output = make(weights, source)
    listed = (output / "datalist.json").read_text(encoding="utf-8")
    (output / "h1" / "sample.json").unlink()  # comes last: the sample is not whole
    (output / "datalist.json").unlink()
    times = {p: p.stat().st_mtime_ns for p in output.rglob("*.nii.gz")}
    make(weights, source)
    assert {p.parent.name for p, time in times.items() if p.stat().st_mtime_ns != time} == {"h1"}
    assert (output / "datalist.json").read_text(encoding="utf-8") == listed
    times = {p: p.stat().st_mtime_ns for p in output.rglob("*.nii.gz")}
    make(weights, source)  # nothing is left to do
    assert all(p.stat().st_mtime_ns == time for p, time in times.items())
    text = reason(lambda: make(weights, source, **{"displayable_configs#scale": 7.0}))
    assert "sample.json: expected a sample made as this run makes them" in text and "not 7.0" in text


def test_a_subject_that_cannot_be_made_is_left_out(weights: Path, source: Path) -> None:
    (source.parent / "h0" / "t1.nii.gz").write_bytes(b"no image")
    output = make(weights, source)
    assert not (output / "h0").exists()
    listed = json.loads((output / "datalist.json").read_text(encoding="utf-8"))
    assert len(listed["training"]) == 2 and [entry["case"] for entry in listed["left_out"]] == ["h0"]
    assert "t1.nii.gz" in (output / "left_out.json").read_text(encoding="utf-8")


def test_the_segmenters_mask_on_request(weights: Path, source: Path) -> None:
    output = make(weights, source, mask_source="found_after", count=1)
    assert {p.name for p in output.iterdir()} == {"h0", "datalist.json"}
    mask = values(output / "h0" / "seg.nii.gz")
    assert mask.any() and not np.array_equal(mask > 0, _desired(mask.shape))


def _desired(shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[5:13, 4:10, 1:3] = True
    return mask


def test_without_healthy_people_or_donors_nothing_is_written(weights: Path, source: Path) -> None:
    listed = json.loads(source.read_text(encoding="utf-8"))
    for keep, found in ((0, "expected a diseased donor with a mask for h0"), (1, "expected healthy samples")):
        part = [s for s in listed["training"] if s["label"] == keep]
        source.write_text(json.dumps({**listed, "training": part}))
        assert found in reason(lambda: make(weights, source))
    without = [{k: v for k, v in s.items() if k != "mask"} for s in listed["training"]]
    source.write_text(json.dumps({**listed, "training": without}))
    assert "with a mask" in reason(lambda: make(weights, source))
    assert not (source.parents[1] / "synthetic").exists()
