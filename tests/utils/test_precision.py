# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.utils import autocast_dtype

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")


@pytest.mark.parametrize(
    ("name", "dtype"), [(None, None), ("float32", None), ("bfloat16", torch.bfloat16), ("float16", torch.float16)]
)
@pytest.mark.parametrize("device", [CPU, CUDA])
def test_names(name: str | None, dtype: torch.dtype | None, device: torch.device) -> None:
    assert autocast_dtype(name, device) == dtype


@pytest.mark.parametrize(("supported", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_auto_on_a_gpu(monkeypatch: pytest.MonkeyPatch, supported: bool, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    assert autocast_dtype("auto", CUDA) == dtype


def test_auto_on_a_processor_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops, "mkldnn", None)  # such builds of torch lack its operators
    assert autocast_dtype("auto", CPU) is None


def test_auto_on_this_processor_works() -> None:
    with torch.autocast("cpu", autocast_dtype("auto", CPU) or torch.bfloat16):
        assert torch.isfinite(torch.nn.Linear(3, 2)(torch.ones(1, 3))).all()


def test_auto_elsewhere_is_full_precision() -> None:
    assert autocast_dtype("auto", torch.device("mps")) is None


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="float8"):
        autocast_dtype("float8", CPU)
