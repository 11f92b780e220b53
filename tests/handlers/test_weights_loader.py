# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from monai_anomaly.handlers import WeightsLoader
from monai_anomaly.utils import DataError

State = dict[str, torch.Tensor]


def network(width: int = 3) -> nn.Module:
    return nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))


def load(path: Path, target: nn.Module, **options: Any) -> Engine:
    engine = Engine(lambda engine, batch: None)
    WeightsLoader(path, target, **options).attach(engine)
    engine.run([0])
    return engine


def written(path: Path, change: Callable[[State], Any] = lambda state: state, width: int = 3) -> State:
    """A file of weights as some training leaves it; the weights."""
    state = network(width).state_dict()
    torch.save(change(dict(state)), path)
    return state


def tagged_for_a_gpu(path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    """What a training on a GPU writes; none is needed to write the tag."""
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        return written(path)


FORMS: dict[str, Callable[[State], Any]] = {
    "plain": lambda state: state,
    "DataParallel": lambda state: {f"module.{k}": v for k, v in state.items()},
    "compiled": lambda state: {f"_orig_mod.{k}": v for k, v in state.items()},
    "both": lambda state: {f"module._orig_mod.{k}": v for k, v in state.items()},
    "wrapped": lambda state: {"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3},
    "half": lambda state: {k: v.half() if v.is_floating_point() else v for k, v in state.items()},
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("form", [*FORMS, "GPU"])
def test_the_weights_are_there_afterward(
    tmp_path: Path, form: str, strict: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, target = tmp_path / "model.pt", network()
    saved = tagged_for_a_gpu(path, monkeypatch) if form == "GPU" else written(path, FORMS[form])
    with caplog.at_level(logging.INFO):
        load(path, target, strict=strict)
    torch.testing.assert_close(dict(target.state_dict()), dict(saved), atol=1e-3, rtol=0)
    assert target[0].weight.dtype == torch.float32
    assert ("7 of the network's 7 tensors" in caplog.text) == (not strict)


def test_fine_tuning_says_what_is_new_and_what_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = written(tmp_path / "model.pt", lambda s: {"0.weight": s["0.weight"], "old.bias": s["0.bias"]})
    target = network()
    with caplog.at_level(logging.INFO):
        load(tmp_path / "model.pt", target, strict=False)
    assert torch.equal(target[0].weight, state["0.weight"])
    assert "1 of the network's 7 tensors" in caplog.text
    assert "not in the file: 0.bias, 1.*; not in the network: old.*" in caplog.text


def nan_in_one(state: State) -> State:
    state["1.running_var"] = torch.full_like(state["1.running_var"], float("nan"))
    return state


@pytest.mark.parametrize(
    ("change", "strict", "message"),
    [
        (lambda s: {f"net.{k}": v for k, v in s.items()}, False, "0 of the network's 7 tensors .*: net\\.\\*"),
        (lambda s: {k: v for k, v in s.items() if "bias" not in k}, True, "5 of the .*not in the file: 0.bias, 1.bias"),
        (lambda s: {**s, "head": torch.zeros(1)}, True, "7 of the network's 7 .*not in the network: head\\.\\*"),
        (lambda s: {**s, "0.weight": torch.zeros(5, 2)}, False, r"0\.weight \(5, 2\) for \(3, 2\)"),
        (lambda s: {**s, "0.weight": s["0.weight"].long()}, False, r"0\.weight \(3, 2\) int64 for \(3, 2\)"),
        (nan_in_one, True, "finite weights, found NaN .*1.running_var"),
        (lambda s: {"objects": {"network": s}, "epoch": 3}, False, "expected a state dict"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, change: Callable[[State], Any], strict: bool, message: str
) -> None:
    written(tmp_path / "model.pt", change)
    target = network()
    before = {k: v.clone() for k, v in target.state_dict().items()}
    with pytest.raises(DataError, match=rf"model\.pt: .*{message}"):
        load(tmp_path / "model.pt", target, strict=strict)
    assert all(torch.equal(before[k], v) for k, v in target.state_dict().items())


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with pytest.raises(DataError, match=r"model\.pt: expected the weights of a training, found no such file"):
        load(path, network())
    written(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"model\.pt: .*damaged"):
        load(path, network())


def test_the_file_that_the_training_writes_over_is_kept(tmp_path: Path) -> None:
    path, kept = tmp_path / "model.pt", tmp_path / "model_pretrained.pt"
    written(path)
    original = path.read_bytes()
    engine = load(path, network(), strict=False, written_to=tmp_path / "." / "model.pt")
    assert kept.read_bytes() == original
    assert engine.state.pretrained["file"] == "model.pt"  # type: ignore[attr-defined]
    load(path, network(), strict=False, written_to=path)  # nothing was written yet: once more
    written(path)
    with pytest.raises(DataError, match=r"model_pretrained\.pt: .*--pretrained"):
        load(path, network(), strict=False, written_to=path)
    assert kept.read_bytes() == original
    load(path, network(), strict=False, written_to=tmp_path / "other.pt")


class Parts(nn.Module):
    """A network with a part that is not trained."""

    frozen_parts = ("base",)

    def __init__(self) -> None:
        super().__init__()
        self.base, self.head = network(), nn.Linear(3, 1)


def test_new_parts_are_told(tmp_path: Path) -> None:
    saved = written(tmp_path / "model.pt", lambda s: {f"base.{k}": v for k, v in s.items()})
    target = Parts()
    engine = load(tmp_path / "model.pt", target, strict=False)
    assert engine.state.pretrained["new"] == ["head"]  # type: ignore[attr-defined]
    assert torch.equal(target.base[0].weight, saved["0.weight"])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda s: {k: v for k, v in s.items() if k != "base.0.bias"}, "6 of .*not in the file: base.0.bias, head"),
        (lambda s: {**s, "base.2.weight": torch.zeros(1)}, "not in the network: base.2.weight"),
        (lambda s: {k.replace("base", "head2"): v for k, v in s.items()}, "0 of .*not in the file: base"),
    ],
)
def test_a_part_that_is_not_trained_must_be_whole(tmp_path: Path, change: Callable[[State], Any], found: str) -> None:
    written(tmp_path / "model.pt", lambda s: change({f"base.{k}": v for k, v in s.items()}))
    with pytest.raises(DataError, match=rf"model\.pt: expected all weights of base, .*{found}"):
        load(tmp_path / "model.pt", Parts(), strict=False)
