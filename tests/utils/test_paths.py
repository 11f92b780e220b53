# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.data import find_datalist, find_inputs
from monai_anomaly.utils import DataError, same_folder


def test_the_same_folder_in_other_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert same_folder("a/../b", tmp_path / "b") and not same_folder("a", "b")


@pytest.mark.parametrize("value", [20230115, 1.1, ("Smith", "John"), None])
def test_what_a_command_line_made_of_a_path_is_refused(value: Any) -> None:
    for use in (find_datalist, lambda v: find_inputs(v, ["t1"]), lambda v: same_folder(v, "a")):
        with pytest.raises(DataError, match=r"dataset_dir: expected a path, found .*--dataset_dir \./"):
            use(value)
