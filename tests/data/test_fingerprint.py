# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.transforms import Compose, Lambda, ScaleIntensityRange

from monai_anomaly.data.fingerprint import content_digest, describe_transform, file_stamp, fingerprint
from monai_anomaly.transforms import LoadModalitiesd, ScaleIntensityByBraind

SCRIPT = """
from monai.transforms import Compose
from monai_anomaly.data.fingerprint import describe_transform, fingerprint
from monai_anomaly.transforms import LoadModalitiesd, ScaleIntensityByBraind
print(fingerprint(describe_transform(Compose([LoadModalitiesd(["image"]), ScaleIntensityByBraind("image")]))))
"""


def _key(transform: object) -> str:
    return fingerprint(describe_transform(transform))


def test_the_key_is_the_same_in_another_process() -> None:
    transform = Compose([LoadModalitiesd(["image"]), ScaleIntensityByBraind("image")])
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == _key(transform)


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
        (torch.zeros(3), torch.ones(3)),
        (np.float32, np.float64),
        (None, _Plus(1)),
    ],
)
def test_other_settings_give_another_key(one: object, other: object) -> None:
    assert _key(one) != _key(other)
    assert _key(Compose([one, one])) != _key(Compose([one, other]))


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
