# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

__all__ = ["autocast_dtype"]


def autocast_dtype(name: str | None, device: torch.device) -> torch.dtype | None:
    """The floating type of mixed precision on a device; MONAI's own ``amp`` knows CUDA only.

    Args:
        name: ``"bfloat16"``, ``"float16"``, ``"float32"`` or None (full precision), or ``"auto"``: bfloat16 where the
            device has it in hardware, float16 on older GPUs (training then needs the trainer's gradient scaler:
            ``amp``), else None.
        device: where the network runs.

    Raises:
        ValueError: when the name is unknown.
    """
    if name in (None, "float32"):
        return None
    if name in ("bfloat16", "float16"):
        return torch.bfloat16 if name == "bfloat16" else torch.float16
    if name != "auto":
        raise ValueError(f"autocast must be 'auto', 'bfloat16', 'float16', 'float32' or None, got {name!r}")
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    # a build of torch without oneDNN (macOS) lacks the operator
    if device.type == "cpu" and torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return torch.bfloat16
    return None
