# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What the converters of published checkpoints share."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ..networks.convert import load_state_dict
from ..utils import DataError, atomic_torch_save, atomic_write

__all__ = ["read_checkpoint", "write_network"]

Weights = Mapping[str, torch.Tensor]


def read_checkpoint(
    path: str | os.PathLike, convert: Callable[..., tuple[dict[str, Any], dict[str, torch.Tensor]]], **options: Any
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read a checkpoint file and convert its state dict; weights of another precision than float32 bring a warning.

    Args:
        path: checkpoint.
        convert: e.g. `convert_unet`.
        options: its arguments.

    Returns:
        Arguments of the network's constructor and its state dict.

    Raises:
        DataError: if the file is missing, is no checkpoint or does not convert; it names the file.
    """
    try:
        weights = load_state_dict(path)
        converted = convert(weights, **options)
    except DataError as e:
        raise e if str(e).startswith(str(path)) else DataError(f"{path}: {e}") from e
    others = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in weights.values()} - {"float32"})
    if others:
        warnings.warn(f"{path}: weights of {' and '.join(others)} were converted to float32", stacklevel=2)
    return converted


def write_network(out: str | os.PathLike, config: Mapping[str, Any], parts: Mapping[str, Weights]) -> Path:
    """Write ``model.pt`` and ``network.json``, each whole or not at all.

    Args:
        out: folder to write to.
        config: of the bundle, with ``network_def``.
        parts: attribute of that network -> state dict of what it holds.

    Returns:
        Path of ``model.pt``.
    """
    model = Path(out) / "model.pt"
    atomic_torch_save(model, {f"{part}.{k}": v.clone() for part, weights in parts.items() for k, v in weights.items()})
    with atomic_write(Path(out) / "network.json") as f:
        json.dump(config, f, indent=2)
    return model
