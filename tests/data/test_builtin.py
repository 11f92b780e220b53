# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.data import builtin, find_datalist
from monai_anomaly.utils import DataError


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, dict[str, Any]]]:
    """The calls of a phantom writer that only makes empty files."""
    calls: list[tuple[Path, dict[str, Any]]] = []

    def write_phantom(root: Path, **kwargs: Any) -> Path:
        calls.append((root, kwargs))
        root.mkdir(parents=True, exist_ok=True)
        for name in ("phantom.json", "datalist.json"):
            (root / name).touch()
        return root / "datalist.json"

    monkeypatch.setattr(builtin, "write_phantom", write_phantom)
    return calls


def test_missing_folder_gets_a_phantom_that_is_completed_the_next_time(tmp_path: Path, written: list) -> None:
    folder = tmp_path / "data" / "phantom"
    for _ in range(2):
        assert find_datalist(folder, {"subjects": 2}) == folder / "datalist.json"
    assert written == [(folder, {"subjects": 2})] * 2


def test_own_data_are_never_touched(tmp_path: Path, written: list) -> None:
    (tmp_path / "datalist.json").touch()
    assert find_datalist(tmp_path, {"subjects": 2}) == tmp_path / "datalist.json"
    assert find_datalist(str(tmp_path)) == tmp_path / "datalist.json"
    assert not written


def test_phantom_that_is_there_serves_without_arguments(tmp_path: Path, written: list) -> None:
    find_datalist(tmp_path / "phantom", {})
    assert find_datalist(tmp_path / "phantom").name == "datalist.json" and len(written) == 1


@pytest.mark.parametrize("phantom", [None, {"subjects": 2}])
def test_folder_without_datalist_is_an_error_that_says_what_is_there(
    tmp_path: Path, written: list, phantom: dict | None
) -> None:
    with pytest.raises(DataError, match="empty folder"):
        find_datalist(tmp_path, phantom)
    (tmp_path / "scan.nii.gz").touch()
    with pytest.raises(DataError, match=r"datalist\.json.*scan\.nii\.gz.*monai_anomaly datalist"):
        find_datalist(tmp_path, phantom)
    assert not written


def test_file_in_place_of_the_folder(tmp_path: Path, written: list) -> None:
    path = tmp_path / "datalist.json"
    path.touch()
    with pytest.raises(DataError, match="found a file"):
        find_datalist(path, {"subjects": 2})


def test_missing_folder_without_phantom(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        find_datalist(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


def test_mistyped_folder_gets_no_phantom(tmp_path: Path, written: list) -> None:
    folder = tmp_path / "brast"
    with pytest.raises(DataError, match=r"brast: .*no such folder.*python -m monai_anomaly phantom .*brast"):
        find_datalist(folder, {"subjects": 2}, make_phantom=False)
    assert not written and not folder.exists()


def test_phantom_elsewhere_is_used_unchanged_and_completed_when_it_was_interrupted(
    tmp_path: Path, written: list
) -> None:
    (tmp_path / "phantom.json").touch()
    for _ in range(2):
        assert find_datalist(tmp_path, {"subjects": 2}, make_phantom=False) == tmp_path / "datalist.json"
    assert written == [(tmp_path, {"subjects": 2})]


@pytest.mark.parametrize("kind", ["ellipses", "chest"])
def test_other_kinds_are_written_by_their_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    calls = []
    monkeypatch.setattr(builtin, f"write_{kind}", lambda root, **kwargs: calls.append((root, kwargs)) or root / "list")
    phantom = {"kind": kind, "size": 64}
    assert find_datalist(tmp_path / "set", phantom) == tmp_path / "set" / "list"
    assert calls == [(tmp_path / "set", {"size": 64})] and phantom["kind"] == kind
    with pytest.raises(DataError, match=rf"python -m monai_anomaly {kind} .*none"):
        find_datalist(tmp_path / "none", phantom, make_phantom=False)


def test_a_phantom_of_another_kind_is_not_taken_for_the_one_asked_for(tmp_path: Path) -> None:
    for name in ("phantom.json", "datalist.json"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"one with chest\.json, found other files"):
        find_datalist(tmp_path, {"kind": "chest"})


def test_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="brian"):
        find_datalist(tmp_path, {"kind": "brian"})


def test_the_folder_of_the_phantom_in_other_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: list
) -> None:
    monkeypatch.chdir(tmp_path)
    find_datalist("a/../b", {"subjects": 2}, make_phantom=False, phantom_dir=tmp_path / "b")
    assert len(written) == 1
    with pytest.raises(DataError, match="no such folder"):
        find_datalist("c", {"subjects": 2}, make_phantom=False, phantom_dir="b")
