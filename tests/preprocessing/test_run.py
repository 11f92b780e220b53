# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.preprocessing import run
from monai_anomaly.preprocessing.run import _each, preprocess_samples
from monai_anomaly.utils import OutputError

SAMPLES = [{"subject": f"p{i}"} for i in range(5)]


def work(sample: Mapping[str, Any]) -> tuple[str, str, str]:
    """Is killed at p1, as by a system without memory."""
    if sample["subject"] == "p1":
        os.kill(os.getpid(), signal.SIGKILL)
    return sample["subject"], "done", ""


def full(sample: Mapping[str, Any]) -> tuple[str, str, str]:
    raise OutputError(errno.ENOSPC, "p0/t1.nii.gz: could not be written: No space left on device")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_killed_takes_no_other_case_with_it(workers: int) -> None:
    found = {name: (state, reason) for name, state, reason in _each(work, SAMPLES, workers)}
    assert sorted(found) == ["p0", "p1", "p2", "p3", "p4"]
    assert found["p1"][0] == "failed" and "was killed" in found["p1"][1]
    assert {found[name] for name in ("p0", "p2", "p3", "p4")} == {("done", "")}


def once(sample: Mapping[str, Any]) -> tuple[str, str, str]:
    """Is killed at p0 the first time only, as where several at a time want too much memory."""
    if sample["subject"] == "p0" and not sample["seen"].exists():
        sample["seen"].touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return sample["subject"], "done", ""


def test_after_a_kill_half_of_the_workers_continue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    pool = run._pool
    monkeypatch.setattr(run, "_pool", lambda workers: sizes.append(workers) or pool(workers))
    samples = [{"subject": f"p{i}", "seen": tmp_path / "seen"} for i in range(30)]
    assert sorted(_each(once, samples, 4)) == sorted((s["subject"], "done", "") for s in samples)
    assert sizes == [4, 2]
    sizes.clear()
    assert len(list(_each(work, SAMPLES, 4))) == len(SAMPLES)
    assert sizes in ([4, 2, 1], [4, 2, 1, 1])  # alone in the last but one; the rest not one by one


def test_a_full_disk_ends_the_work_of_the_workers_too() -> None:
    with pytest.raises(OutputError, match="No space left") as caught:
        list(_each(full, SAMPLES, 2))
    assert caught.value.is_final


def test_a_folder_that_cannot_be_written_is_known_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not be written"):
        preprocess_samples([{"subject": "p"}], tmp_path / "file" / "out", modalities=["t1"])
