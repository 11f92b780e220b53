# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import Compose, Lambda, ScaleIntensityRange

from monai_anomaly.data.fingerprint import content_digest, describe_transform, file_stamp, fingerprint
from monai_anomaly.transforms import EncodeMaskd, LoadModalitiesd, MaskEncoding, ScaleIntensityByBraind

# code within code, a builtin, and sets of text, whose order is another one in every process
SOURCE = """
import torch
from monai.transforms import Compose, Lambdad
from monai_anomaly.data.fingerprint import describe_transform, fingerprint
from monai_anomaly.transforms import LoadModalitiesd, ScaleIntensityByBraind
NAMES = {"t1", "t2", "flair"}
def inner(x):
    return sorted(x, key=lambda y: y * 2 if y in {"a", "b", "c"} else NAMES)
functions = [inner, lambda x: inner(x), torch.sqrt, "".join]
steps = [LoadModalitiesd(["image"]), ScaleIntensityByBraind("image"), *(Lambdad("image", f) for f in functions)]
key = fingerprint(describe_transform(Compose(steps)))
"""


def _key(transform: object) -> str:
    return fingerprint(describe_transform(transform))


def test_the_key_is_the_same_in_another_process() -> None:
    here: dict[str, Any] = {}
    exec(SOURCE, here)
    found = subprocess.run([sys.executable, "-c", f"{SOURCE}print(key)"], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == here["key"]


def test_the_key_stays_when_a_transform_was_used(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(4))
    load = LoadModalitiesd(["image"])
    before = _key(load)
    load({"image": tmp_path / "a.npy"})
    assert _key(load) == before


class _Plus:
    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, x: float) -> float:
        return x + self.value

    def times(self, x: float) -> float:
        return x * self.value


class _Own:
    def __init__(self) -> None:
        self.call = self.__call__

    def __call__(self, x: float) -> float:
        return self.call(x)


def _with(value: Any) -> Callable[..., Any]:
    """A function that names a global of this value."""
    return FunctionType((lambda x: x * SETTING).__code__, {"SETTING": value})  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ScaleIntensityByBraind("image"), ScaleIntensityByBraind("image", factor=2.0)),
        (ScaleIntensityByBraind("image"), ScaleIntensityByBraind("twin")),
        (ScaleIntensityRange(0, 1, 0, 1), ScaleIntensityRange(0, 1, 0, 2)),
        (Lambda(lambda x: x + 1), Lambda(lambda x: x + 2)),
        (Lambda(lambda x: x + 1), Lambda(lambda x: x - 1)),
        (_Plus(1), _Plus(2)),
        (functools.partial(_Plus, 1), functools.partial(_Plus, 2)),
        (Lambda(lambda x: x.permute((0, 1, 2, 3))), Lambda(lambda x: x.permute((0, 2, 1, 3)))),
        (lambda x: [i * 2 for i in x], lambda x: [i * 5 for i in x]),
        (lambda x: max(x, key=lambda y: y % 5), lambda x: max(x, key=lambda y: y % 7)),
        (lambda x: x in {1, 2}, lambda x: x in {1, 3}),
        (lambda x: x.find(b"a"), lambda x: x.find(b"b")),
        (lambda x: x * 1j, lambda x: x * 2j),
        (lambda x, *, k=1: x * k, lambda x, *, k=2: x * k),
        (torch.sqrt, torch.abs),
        (torch.Tensor.sqrt, torch.Tensor.abs),
        (np.sqrt, np.log1p),
        (_Plus(1).times, _Plus(2).times),
        (_Plus(1).times, _Plus(1).__call__),
        (slice(0, 8), slice(8, 16)),
        (np.float32(1), np.float32(2)),
        (EncodeMaskd("mask", MaskEncoding("binary")), EncodeMaskd("mask", MaskEncoding("classes"))),
        (torch.zeros(3), torch.ones(3)),
        (np.float32, np.float64),
        (None, _Plus(1)),
    ],
)
def test_other_settings_give_another_key(one: object, other: object) -> None:
    assert _key(one) != _key(other)
    assert _key(Compose([one, one])) != _key(Compose([one, other]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 5),
        ((1, 2), (1, 3)),
        ({"a": 1}, {"a": 2}),
        (np.zeros(3), np.ones(3)),
        (torch.float16, torch.float32),
        (lambda x: x + 1, lambda x: x + 2),
        (_with(1), _with(5)),
        (functools.partial(_Plus, 1), functools.partial(_Plus, 2)),
        (torch.sqrt, torch.abs),
    ],
)
def test_globals_that_a_function_names_count(one: object, other: object) -> None:
    assert _key(_with(one)) != _key(_with(other))
    # also where only a function within it names them
    code = (lambda x: [SETTING for _ in (lambda: SETTING)()]).__code__  # type: ignore[name-defined]  # noqa: F821
    within = [FunctionType(code, {"SETTING": value, "__name__": str(value)}) for value in (one, one, other)]
    assert _key(within[0]) != _key(within[2])
    if not callable(one):
        assert _key(within[0]) == _key(within[1])


def test_what_names_itself_has_an_end() -> None:
    def closed(x: int, step: int) -> int:
        return closed(x - step, step) if x else 0

    def named(step: int) -> Callable[..., Any]:
        here: dict[str, Any] = {"STEP": step}
        exec("def f(x):\n    return g(x - STEP)\ndef g(x):\n    return f(x) if x else 0", here)
        return here["f"]

    assert _key(closed) == _key(closed) and _key(_Own()) == _key(_Own())
    assert _key(named(1)) == _key(named(1)) != _key(named(2))


def test_a_file_stamp_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    missing = file_stamp(path)
    path.write_text("1")
    one = file_stamp(path)
    path.write_text("12")
    assert len({str(missing), str(one), str(file_stamp(path))}) == 3


def test_the_content_of_a_folder_is_that_of_its_data(tmp_path: Path) -> None:
    def digest(**files: str) -> str:
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        return str(content_digest([tmp_path]))

    first = digest(a="1", b="2")
    (tmp_path / ".DS_Store").write_text("3")
    assert digest() == first
    assert len({first, digest(b="3"), digest(a="13", b=""), digest(a="1", b="3", c="")}) == 4
