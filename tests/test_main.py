# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from monai_anomaly.__main__ import main
from monai_anomaly.apps import restore
from monai_anomaly.utils import DataError, OutputError

DATA = DataError("a.nii: expected b, found c")
OUTPUT = OutputError(errno.ENOSPC, "a.nii: could not be written: No space left on device")
DENIED = PermissionError(errno.EACCES, "Permission denied", "a.nii")


@pytest.mark.parametrize(
    ("error", "wrapped"), [(DATA, False), (DATA, True), (OUTPUT, False), (OUTPUT, True), (DENIED, False)]
)
def test_a_known_error_is_one_line(error: Exception, wrapped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(image: str, transform: str, out: str) -> None:
        if wrapped:
            raise RuntimeError("Failed to evaluate") from error
        raise error

    monkeypatch.setattr(restore, "restore", fail)
    monkeypatch.setattr(sys, "argv", ["monai_anomaly", "restore", "a", "b", "c"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == f"error: {error}"


def test_a_folder_below_a_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(sys, "argv", ["monai_anomaly", "ellipses", str(tmp_path / "file" / "out")])
    with pytest.raises(SystemExit, match=r"^error: .*/file/out.*could not be written"):
        main()


@pytest.mark.parametrize("command", [["speed"], ["speed", "--steps", "1"], ["benchmark", "model.pt", "out.json"], []])
def test_help_is_asked_for_and_nothing_runs(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Also of commands that take any option of a configuration."""
    monkeypatch.setattr(sys, "argv", ["monai_anomaly", *command, "--help"])
    monkeypatch.setenv("PAGER", "cat")
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert "usage: monai-anomaly" in capsys.readouterr().out


def test_a_command_that_there_is_not_names_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["monai_anomaly", "predct", "diffanomaly"])
    with pytest.raises(SystemExit, match=r"error: predct: no such command, predict\?; monai-anomaly --help"):
        main()
