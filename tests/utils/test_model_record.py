# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

from monai_anomaly.utils import atomic_write, file_digest


def test_files_of_one_size_and_one_time_are_told_apart(tmp_path: Path) -> None:
    """As of two that are written within a tick of a coarse clock."""
    path, digests = tmp_path / "model.pt", set()
    for content in ("one", "two", "one"):
        with atomic_write(path) as f:
            f.write(content)
        os.utime(path, ns=(0, 0))
        digests.add(file_digest(path))
    assert len(digests) == 2
