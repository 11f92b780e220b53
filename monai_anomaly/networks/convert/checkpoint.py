# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch

from monai_anomaly.utils import DataError

__all__ = ["clean_state_dict", "load_state_dict"]


def clean_state_dict(state_dict: object) -> dict[str, torch.Tensor]:
    """Check that an object maps names to tensors, and strip the prefix of ``DataParallel``.

    Args:
        state_dict: what ``torch.load`` gave.

    Returns:
        The tensors by name, without a common ``module.`` prefix.

    Raises:
        DataError: if it is something else, e.g. the state of an optimizer.
    """
    if not isinstance(state_dict, Mapping) or not state_dict:
        raise DataError(f"expected a state dict (names and tensors), found {type(state_dict).__name__}")
    strangers = [str(k) for k, v in state_dict.items() if not isinstance(k, str) or not isinstance(v, torch.Tensor)]
    if strangers:
        raise DataError(f"expected a state dict (names and tensors), but these entries are no tensors: {strangers[:5]}")
    prefix = "module." if all(k.startswith("module.") for k in state_dict) else ""
    return {k[len(prefix) :]: v for k, v in state_dict.items()}


def load_state_dict(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """Read the state dict of a network from a checkpoint file, without running code from it.

    Args:
        path: file written by ``torch.save(network.state_dict())``.

    Returns:
        The tensors by name, on the CPU, without a ``module.`` prefix.

    Raises:
        DataError: if the file is missing, is no checkpoint, or holds something else than tensors.
    """
    if not Path(path).is_file():
        raise DataError(f"{path}: no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as e:
        raise DataError(f"{path}: expected a PyTorch checkpoint that holds tensors only; it cannot be read: {e}") from e
    try:
        return clean_state_dict(content)
    except DataError as e:
        raise DataError(f"{path}: {e}") from e
