# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from pathlib import Path

import pytest

from monai_anomaly.data.generated import claim_folder, run_jobs
from monai_anomaly.utils import DataError

ASKED = {"version": 1, "sizes": [1, 2]}


def square(x: int) -> int:
    return x * x


def test_a_new_folder_is_claimed_and_known_again(tmp_path: Path) -> None:
    root = tmp_path / "a" / "set"
    for _ in range(2):
        claim_folder(root, "set.json", ASKED, "set of squares")
    assert [p.name for p in root.iterdir()] == ["set.json"]


def test_an_empty_folder_and_hidden_files_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / ".cache").touch()
    claim_folder(tmp_path, "set.json", ASKED, "set of squares")
    assert (tmp_path / "set.json").is_file()


def test_other_parameters_are_named(tmp_path: Path) -> None:
    claim_folder(tmp_path, "set.json", ASKED, "set of squares")
    with pytest.raises(
        DataError, match=r"another set of squares: sizes is \[1, 2\], asked \[3\]; more is None, asked 1"
    ):
        claim_folder(tmp_path, "set.json", {"version": 1, "sizes": [3], "more": 1}, "set of squares")


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
def test_a_broken_manifest_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "set.json").write_text(content)
    with pytest.raises(DataError, match="set of squares"):
        claim_folder(tmp_path, "set.json", ASKED, "set of squares")


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(DataError, match=r"one with set\.json, found other files"):
        claim_folder(tmp_path, "set.json", ASKED, "set of squares")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_order(workers: int) -> None:
    assert list(run_jobs(square, range(9), workers, "squares", "square", progress=False)) == [x * x for x in range(9)]


def test_without_workers_nothing_leaves_this_process() -> None:
    found = list(run_jobs(lambda _: threading.get_ident(), [0, 1], 0, "threads", "thread", progress=False))
    assert found == [threading.get_ident()] * 2
