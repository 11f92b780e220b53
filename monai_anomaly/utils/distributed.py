# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch.distributed as dist

__all__ = ["process_count", "process_rank"]


def process_count() -> int:
    """How many processes train together; 1 without a process group."""
    return dist.get_world_size() if _in_group() else 1


def process_rank() -> int:
    """Number of this process among them; 0, the one that writes, without a process group.

    ``ignite.distributed`` answers the same, but where the launcher set no ``LOCAL_RANK`` its first answer waits for all
    processes.
    """
    return dist.get_rank() if _in_group() else 0


def _in_group() -> bool:
    return dist.is_available() and dist.is_initialized()
