# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import pytest
import torch

from monai_anomaly.utils import DataError, check_finite, check_floating, load_tensors, verify_file

WEIGHTS = {"a.weight": torch.linspace(-1, 1, 12).reshape(3, 4), "b.bias": torch.arange(5.0)}


def _same(found: object) -> bool:
    return (
        isinstance(found, dict)
        and found.keys() == WEIGHTS.keys()
        and all(torch.equal(found[k], v) for k, v in WEIGHTS.items())
    )


def test_a_flipped_bit_anywhere_is_refused_or_of_no_effect(tmp_path: Path) -> None:
    """Only padding may change: the weights that come out are the ones that were saved, or none."""
    file = tmp_path / "w.pt"
    torch.save(WEIGHTS, file)
    whole, refused = file.read_bytes(), 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        file.write_bytes(damaged)
        try:
            assert _same(load_tensors(file)), position
        except DataError as e:
            refused += 1
            assert str(e).startswith(f"{file}: expected "), e
    assert refused > len(whole) / 3


def test_a_flipped_bit_of_a_weight_is_named(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.save(WEIGHTS, file)
    whole = bytearray(file.read_bytes())
    whole[whole.index(WEIGHTS["a.weight"].numpy().tobytes())] ^= 1
    file.write_bytes(whole)
    assert not _same(torch.load(file, weights_only=True))  # what it is about: torch sees nothing
    with pytest.raises(DataError, match=r"w\.pt: expected an intact checkpoint, .*wrong checksum of 'w/data/0'"):
        load_tensors(file)


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_a_cut_file_is_refused(tmp_path: Path, keep: int) -> None:
    file = tmp_path / "w.pt"
    torch.save(WEIGHTS, file)
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"w\.pt: expected"):
        load_tensors(file)


def test_the_old_format_is_read_with_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    torch.save(WEIGHTS, file, _use_new_zipfile_serialization=False)
    assert not verify_file(file)
    with pytest.warns(UserWarning, match=r"w\.pt: .* whether it is intact cannot be checked"):
        assert _same(load_tensors(file))
    torch.save(WEIGHTS, file)
    assert verify_file(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _same(load_tensors(file))


class _Code:
    def __reduce__(self) -> tuple:
        return print, ("this must never run",)


def test_code_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "w.pt"
    for save in (torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))):
        save(_Code(), file)
        with pytest.raises(DataError, match=r"w\.pt: expected a PyTorch checkpoint that holds tensors only"):
            load_tensors(file)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_that_are_no_numbers_are_named_and_counted(value: float, dtype: torch.dtype) -> None:
    weights = {k: v.to(dtype, copy=True) for k, v in WEIGHTS.items()}
    check_finite(weights)
    weights["a.weight"][1, :2] = value
    with pytest.raises(DataError, match=r"in 1 of 2 tensors \(a\.weight: 2\)"):
        check_finite(weights)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float8_e5m2])
def test_weights_of_other_types_are_named(dtype: torch.dtype) -> None:
    check_floating(WEIGHTS)
    with pytest.raises(DataError, match=rf"in 1 of 2 tensors \(b\.bias: {str(dtype)[6:]}\)"):
        check_floating(WEIGHTS | {"b.bias": WEIGHTS["b.bias"].to(dtype)})


def test_a_file_with_torch_s_own_checksums_is_refused_with_their_name(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(WEIGHTS, tmp_path / "w.pt")
    finally:
        torch.serialization.set_crc32_options(True)
    with pytest.raises(DataError, match=r"wrong checksum .*set_crc32_options\(False\)") as caught:
        load_tensors(tmp_path / "w.pt")
    assert len(str(caught.value).removeprefix(str(tmp_path))) < 300


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "an empty file"), (b"<html>not found</html>", "text"), (pickle.dumps([1, {2}]), "cannot be read: ")],
)
def test_what_is_no_checkpoint_is_named_without_advice_to_run_it(tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(DataError, match=rf"model\.pt: expected a PyTorch checkpoint .*found .*{found}") as error:
        load_tensors(tmp_path / "model.pt")
    assert "weights_only" not in str(error.value) and len(str(error.value).splitlines()) == 1
