# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose

from monai_anomaly.data import InputDataset, InputLoader, LeftOut, find_inputs
from monai_anomaly.transforms import CheckImaged, LoadModalitiesd, ResampleToSpacingd
from monai_anomaly.utils import DataError

TRANSFORM = Compose([LoadModalitiesd("image"), CheckImaged("image", channels=2)])


def write(folder: Path, fault: str | None = None) -> Path:
    """A case of two modalities."""
    folder.mkdir(parents=True)
    for name in ("t1", "t2"):
        values = np.random.default_rng(0).random((4, 5, 3)).astype(np.float32)
        if fault == "nan":
            values[0] = np.nan
        nib.save(nib.Nifti1Image(values, np.eye(4)), folder / f"{name}.nii.gz")
    if fault == "damaged":
        content = (folder / "t2.nii.gz").read_bytes()
        (folder / "t2.nii.gz").write_bytes(content[: len(content) // 2])
    if fault == "incomplete":
        (folder / "t2.nii.gz").unlink()
    return folder


@pytest.fixture
def cases(tmp_path: Path) -> list[dict[str, Any]]:
    """Good ones between bad ones, the first and the last bad."""
    for i, fault in enumerate(["nan", None, "damaged", "incomplete", None, "nan"]):
        write(tmp_path / f"p{i}", fault)
    return find_inputs(tmp_path, ["t1", "t2"])


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (2, 0), (4, 0), (1, 2)])
def test_what_cannot_be_used_is_left_out_and_named(
    cases: list, batch_size: int, workers: int, capsys: pytest.CaptureFixture
) -> None:
    loader = InputLoader(InputDataset(cases, TRANSFORM), batch_size=batch_size, num_workers=workers)
    for _ in range(2):  # a second pass starts its list anew
        seen = [name for batch in loader for name in batch["subject"]]
        assert seen == ["p1", "p4"]
        assert [entry["case"] for entry in loader.left_out] == ["p0", "p2", "p3", "p5"]
    reasons = [entry["reason"] for entry in loader.left_out]
    assert "p0/t1.nii.gz" in reasons[0] and "NaN" in reasons[0]
    assert "p2/t2.nii.gz" in reasons[1] and "readable" in reasons[1]
    assert "p3" in reasons[2] and "expected t2" in reasons[2]
    assert capsys.readouterr().out.count("left out p2: ") == 2


def test_evaluator_runs_to_the_end(cases: list) -> None:
    seen = []

    def forward(engine: Engine, batch: Any) -> dict[str, Any]:
        seen.extend(batch["subject"])
        return {}

    loader = InputLoader(InputDataset(cases, TRANSFORM), batch_size=1)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"), val_data_loader=loader, network=torch.nn.Identity(), iteration_update=forward
    )
    evaluator.run()
    assert seen == ["p1", "p4"]


def test_single_input_raises(tmp_path: Path) -> None:
    samples = find_inputs(write(tmp_path / "p", "nan"), ["t1", "t2"])
    with pytest.raises(DataError, match=r"t1\.nii\.gz.*NaN"):
        list(InputLoader(InputDataset(samples, TRANSFORM)))
    assert isinstance(InputDataset(samples, TRANSFORM, on_error="skip")[0], LeftOut)


def test_a_batch_without_any_usable_input_raises(tmp_path: Path) -> None:
    for i in range(5):
        write(tmp_path / f"p{i}", "nan")
    loader = InputLoader(InputDataset(find_inputs(tmp_path, ["t1", "t2"]), TRANSFORM))
    with pytest.raises(DataError, match=r"none in 5 .*p0/t1\.nii\.gz.*; \.\.\."):
        list(loader)
    assert len(loader.left_out) == 5


def test_raise_on_request(cases: list) -> None:
    with pytest.raises(DataError, match="NaN"):
        list(InputLoader(InputDataset(cases, TRANSFORM, on_error="raise")))
    with pytest.raises(ValueError, match="ignore"):
        InputDataset(cases, on_error="ignore")


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), TypeError("no number"), MemoryError("780 GB")])
def test_any_failure_is_that_of_its_case_and_names_its_kind(cases: list, error: Exception) -> None:
    def broken(sample: dict) -> dict:
        if sample["subject"] == "p1":
            raise error
        return TRANSFORM(sample)

    loader = InputLoader(InputDataset(cases, Compose([broken])))
    assert [name for batch in loader for name in batch["subject"]] == ["p4"]
    reasons = {entry["case"]: entry["reason"] for entry in loader.left_out}
    assert reasons["p1"] == f"{type(error).__name__}: {error}" and "readable" in reasons["p2"]
    with pytest.raises((type(error), RuntimeError)):
        list(InputLoader(InputDataset([cases[1]], Compose([broken]))))


def test_an_interrupt_is_no_failure_of_a_case(cases: list) -> None:
    def interrupted(sample: dict) -> dict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(InputLoader(InputDataset(cases, interrupted)))


def test_an_image_of_astronomic_size_is_one_line(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"p{i}")
    for file in (tmp_path / "p1").iterdir():
        nib.save(nib.Nifti1Image(nib.load(file).get_fdata(dtype=np.float32), np.diag([6e3, 6e3, 6e3, 1])), file)
    transform = Compose([*TRANSFORM.transforms, ResampleToSpacingd("image", 1.0)])
    loader = InputLoader(InputDataset(find_inputs(tmp_path, ["t1", "t2"]), transform))
    assert [name for batch in loader for name in batch["subject"]] == ["p0", "p2"]
    (entry,) = loader.left_out
    assert "t1.nii.gz: expected voxels of" in entry["reason"] and "written in microns?" in entry["reason"]


def test_usable_inputs_are_those_of_the_plain_loader(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"p{i}")
    dataset = InputDataset(find_inputs(tmp_path, ["t1", "t2"]), TRANSFORM)
    ours, plain = (list(loader(dataset, batch_size=2)) for loader in (InputLoader, DataLoader))
    assert len(ours) == len(plain) == 2
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one["image"], other["image"])
        assert one["subject"] == other["subject"]
