# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import torch.distributed as dist

from monai_anomaly.utils import process_count, process_rank


def test_without_a_group_there_is_one_process_and_it_writes() -> None:
    assert (process_count(), process_rank()) == (1, 0)


@pytest.mark.skipif(not dist.is_available(), reason="torch was built without torch.distributed")
def test_a_group_of_one(tmp_path: Path) -> None:
    dist.init_process_group("gloo", init_method=(tmp_path / "store").as_uri(), rank=0, world_size=1)
    try:
        assert (process_count(), process_rank()) == (1, 0)
    finally:
        dist.destroy_process_group()


def test_of_several_each_has_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("is_initialized", True), ("get_world_size", 4), ("get_rank", 3)):
        monkeypatch.setattr(dist, name, lambda value=value: value)
    assert (process_count(), process_rank()) == (4, 3)
