# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_anomaly.apps.converted_network import read_checkpoint, write_network
from monai_anomaly.utils import DataError


def _identity(state: dict[str, torch.Tensor], **options: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    if not options:
        raise DataError("give an option")
    return options, state


def test_errors_name_the_file_once(tmp_path: Path) -> None:
    file = tmp_path / "file.pt"
    for message in ("no such file", "give an option"):
        with pytest.raises(DataError) as error:
            read_checkpoint(file, _identity)
        assert str(error.value) == f"{file}: {message}"
        torch.save({"a": torch.ones(1)}, file)
    assert read_checkpoint(file, _identity, heads=2) == ({"heads": 2}, {"a": torch.ones(1)})


def test_weights_are_filed_under_the_part_that_holds_them(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    parts = {"first": {"w": whole[:3]}, "second": {"w": whole[3:]}}
    model = write_network(tmp_path / "new", {"network_def": {"a": 1}}, parts)
    assert {k: v.tolist() for k, v in torch.load(model).items()} == {"first.w": [0, 1, 2], "second.w": [3, 4, 5]}
    assert json.loads(model.with_name("network.json").read_text(encoding="utf-8")) == {"network_def": {"a": 1}}
