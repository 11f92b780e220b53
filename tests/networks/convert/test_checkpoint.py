# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle

import pytest
import torch

from monai_anomaly.networks.convert import clean_state_dict, load_state_dict
from monai_anomaly.utils import DataError


@pytest.mark.parametrize("prefix", ["", "module."])
def test_reads_tensors_and_strips_the_prefix(tmp_path, prefix):
    torch.save({f"{prefix}a.weight": torch.arange(3.0), f"{prefix}module.b": torch.ones(1)}, tmp_path / "a.pt")
    state = load_state_dict(tmp_path / "a.pt")
    assert list(state) == ["a.weight", "module.b"]
    assert state["a.weight"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_finds_the_state_dict_among_what_a_trainer_saved(tmp_path, key):
    optimizer = {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]}
    torch.save({"epoch": 3, key: {"module.a": torch.ones(2)}, "optimizer": optimizer}, tmp_path / "a.pt")
    assert {k: v.tolist() for k, v in load_state_dict(tmp_path / "a.pt").items()} == {"a": [1, 1]}


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"none\.pt: no such file"):
        load_state_dict(tmp_path / "none.pt")


class _Code:
    def __reduce__(self):
        return print, ("this must never run",)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps(_Code())])
def test_refuses_files_that_are_no_checkpoint_and_runs_no_code(tmp_path, content, capsys):
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.pt: expected a PyTorch checkpoint that holds tensors only"):
        load_state_dict(tmp_path / "bad.pt")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.ones(2), r"opt\.pt: expected a state dict .* found Tensor"),
        ({}, r"opt\.pt: expected a state dict"),
        ({"state": {}, "param_groups": []}, r"opt\.pt: .* no tensors: \['state', 'param_groups'\]"),
        ({"a": torch.ones(1), "b": {"c": torch.ones(1)}}, r"opt\.pt: .* no tensors: \['b'\]"),
        ({k: {"a": torch.ones(1)} for k in ("net", "ema")}, r"opt\.pt: .* found several: \['ema', 'net'\]"),
    ],
)
def test_refuses_checkpoints_that_are_no_network(tmp_path, content, message):
    torch.save(content, tmp_path / "opt.pt")
    with pytest.raises(DataError, match=message):
        load_state_dict(tmp_path / "opt.pt")


def test_a_prefix_that_only_some_names_have_stays():
    state = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert list(clean_state_dict(state)) == ["module.a", "b"]
