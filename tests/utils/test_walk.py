# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from monai_anomaly.utils import DataError, image_files, walk


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in image_files(root)]


def test_names_in_order_and_suffixes_in_any_letters(tmp_path: Path) -> None:
    _touch(*(tmp_path / name for name in ("b/x.NII.GZ", "b/a.Png", "a/z.nii", "c.jpg", "notes.txt", "d.gz")))
    assert _names(tmp_path) == ["c.jpg", "a/z.nii", "b/a.Png", "b/x.NII.GZ"]


def test_what_no_person_put_there_is_passed_over(tmp_path: Path) -> None:
    waste = ("._p.png", ".ipynb_checkpoints/p-checkpoint.png", "__MACOSX/p.png", "@eaDir/p.png/SYNOPHOTO_THUMB_XL.jpg")
    # at the top of a disk
    waste += ("lost+found/p.png", "$RECYCLE.BIN/p.png", "$Recycle.Bin/p.png", "System Volume Information/p.png")
    _touch(tmp_path / "p.png", *(tmp_path / name for name in waste))
    assert _names(tmp_path) == ["p.png"]


def test_the_folder_asked_for_may_be_hidden_and_a_link(tmp_path: Path) -> None:
    _touch(tmp_path / ".hidden/p.png")
    (tmp_path / ".link").symlink_to(tmp_path / ".hidden")
    assert _names(tmp_path / ".link") == ["p.png"]


def test_linked_folders_are_followed_once_and_circles_end(tmp_path: Path) -> None:
    _touch(tmp_path / "store/g/p1/x.png", tmp_path / "store/g/p2/x.png")
    (tmp_path / "set/deep").mkdir(parents=True)
    (tmp_path / "set/deep/g").symlink_to(tmp_path / "store/g")
    (tmp_path / "set/again").symlink_to(tmp_path / "store/g")
    (tmp_path / "store/g/p1/circle").symlink_to(tmp_path / "set")
    assert _names(tmp_path / "set") == ["again/p1/x.png", "again/p2/x.png"]


def test_a_link_that_leads_nowhere_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "store/gone.png")
    assert _names(tmp_path) == ["gone.png"]


def test_a_folder_that_cannot_be_read_is_no_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path / "a/p.png", tmp_path / "b/p.png")
    listdir = os.listdir

    def refuse(folder: Path) -> list[str]:
        if Path(folder).name == "b":
            raise PermissionError(13, "Permission denied")
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(DataError, match=r"b: expected a folder that can be read, found Permission denied"):
        list(walk(tmp_path))
