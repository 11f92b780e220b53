# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Mapping

import torch

from ...utils import DataError, check_finite, check_floating, load_tensors

__all__ = ["clean_state_dict", "load_state_dict", "network_weights"]

WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes of names that ``DataParallel`` and ``torch.compile`` put in front."""


def clean_state_dict(state_dict: object) -> dict[str, torch.Tensor]:
    """Find the tensors of a network in what a checkpoint holds, and strip the prefixes of ``DataParallel`` and
    ``torch.compile``.

    Args:
        state_dict: names and tensors, or a mapping with one such state dict beside other things, as trainers write it:
            ``{"state_dict": ..., "epoch": 3}``.

    Returns:
        The tensors by name, without a common ``module.`` or ``_orig_mod.`` prefix.

    Raises:
        DataError: if there is none, e.g. in the state of an optimizer, or more than one.
    """
    if not isinstance(state_dict, Mapping) or not state_dict:
        raise DataError(f"expected a state dict (names and tensors), found {type(state_dict).__name__}")
    tensors = _inner(state_dict)
    for prefix in (*WRAPPERS, *WRAPPERS):  # one may lie in the other, in either order
        if all(k.startswith(prefix) for k in tensors):
            tensors = {k.removeprefix(prefix): v for k, v in tensors.items()}
    return tensors


def network_weights(state_dict: object) -> dict[str, torch.Tensor]:
    """The weights of a guided-diffusion network, in float32: see `clean_state_dict`.

    Half precision loses nothing by it; float64 is rounded.

    Raises:
        DataError: if it is no network, or a tensor is not of floating point numbers or not finite.
    """
    tensors = clean_state_dict(state_dict)
    check_floating(tensors)
    weights = {name: tensor.float() for name, tensor in tensors.items()}
    check_finite(weights)
    return weights


def load_state_dict(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """Read the state dict of a network from a checkpoint file, verified, without running code from it.

    Args:
        path: file written by ``torch.save(network.state_dict())``; see `load_tensors`.

    Returns:
        The tensors by name, on the CPU; see `clean_state_dict`.

    Raises:
        DataError: if the file is missing, is damaged, is no checkpoint, or holds something else than tensors.
    """
    content = load_tensors(path)
    try:
        return clean_state_dict(content)
    except DataError as e:
        raise DataError(f"{path}: {e}") from e


def _inner(content: Mapping[str, object]) -> dict[str, torch.Tensor]:
    """The content itself if it is a state dict, else the only one in it."""
    if tensors := _tensors(content):
        return tensors
    strangers = [str(k) for k, v in content.items() if not isinstance(k, str) or not isinstance(v, torch.Tensor)]
    found = {str(k): _tensors(v) for k, v in content.items() if isinstance(v, Mapping) and _tensors(v)}
    if len(found) > 1:
        raise DataError(f"expected the state dict of one network, found several: {sorted(found)}; save one by itself")
    if not found or len(strangers) < len(content):
        raise DataError(f"expected a state dict (names and tensors), but these entries are no tensors: {strangers[:5]}")
    return next(iter(found.values()))


def _tensors(content: Mapping[str, object]) -> dict[str, torch.Tensor]:
    """A mapping of names and tensors as such; empty if it is something else."""
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}
    return tensors if len(tensors) == len(content) else {}
