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
from monai_anomaly.transforms import CheckImaged, LoadModalitiesd
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
    assert "p3" in reasons[2] and "['t2']" in reasons[2]
    assert capsys.readouterr().out.count("left out p2: ") == 2


def test_evaluator_goes_on_to_the_end(cases: list) -> None:
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


def test_a_fault_of_the_program_is_not_hidden(cases: list) -> None:
    def broken(sample: dict) -> dict:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        list(InputLoader(InputDataset([c for c in cases if "problem" not in c], broken)))


def test_usable_inputs_are_those_of_the_plain_loader(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"p{i}")
    dataset = InputDataset(find_inputs(tmp_path, ["t1", "t2"]), TRANSFORM)
    ours, plain = (list(loader(dataset, batch_size=2)) for loader in (InputLoader, DataLoader))
    assert len(ours) == len(plain) == 2
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one["image"], other["image"])
        assert one["subject"] == other["subject"]
