# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The one way to bring the weights of a file into a network, for every handler and command."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ..utils import DataError, check_finite, listed
from .convert.checkpoint import load_state_dict

__all__ = ["WeightsMatch", "load_weights"]


@dataclass(frozen=True)
class WeightsMatch:
    """Which tensors of a file a network took.

    Attributes:
        matched: names in both.
        new: names in the network alone; these tensors stay as they were.
        unused: names in the file alone.
    """

    matched: tuple[str, ...]
    new: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} of the network's {len(self.matched) + len(self.new)} tensors are in the file"]
        parts += [f"not in the file: {listed(self.new)}"] if self.new else []
        parts += [f"not in the network: {listed(self.unused)}"] if self.unused else []
        return "; ".join(parts)


def load_weights(network: torch.nn.Module, path: str | os.PathLike, strict: bool = True) -> WeightsMatch:
    """Bring the weights of a file into a network, whatever device or precision they were saved with.

    Prefixes of wrappers are stripped, and a state dict inside of another dictionary is found, see `clean_state_dict`.

    Args:
        network: on any device; its tensors keep their device and type.
        path: file written by ``torch.save``, see `load_state_dict`.
        strict: whether network and file must have the same tensors; if not, those that both have are taken.

    Returns:
        What was taken.

    Raises:
        DataError: if the file is missing, damaged, no state dict or not finite; if the names differ (``strict``) or
            none is in both; if a tensor has another shape than the network's. The network is then unchanged.
    """
    saved = load_state_dict(path)
    own = network.state_dict()
    match = WeightsMatch(
        matched=tuple(name for name in own if name in saved),
        new=tuple(name for name in own if name not in saved),
        unused=tuple(name for name in saved if name not in own),
    )
    differing = _differing(own, saved, match.matched)
    if not match.matched or differing or (strict and (match.new or match.unused)):
        shapes = f"; others than in the network: {listed(differing)}" if differing else ""
        raise DataError(f"{path}: expected weights of the configured network, found others: {match}{shapes}")
    try:
        check_finite(saved)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    network.load_state_dict({name: saved[name] for name in match.matched}, strict=False)
    return match


def _differing(own: Mapping[str, torch.Tensor], saved: Mapping[str, torch.Tensor], names: Sequence[str]) -> list[str]:
    """Tensors that cannot be taken for the network's: what the file has, and what the network has."""
    kinds = {name: (_kind(saved[name]), _kind(own[name])) for name in names}
    return [f"{name} {found} for {wanted}" for name, (found, wanted) in kinds.items() if found != wanted]


def _kind(tensor: torch.Tensor) -> str:
    """Shape, and the type where it is not a floating point number: half precision fits float32."""
    return f"{tuple(tensor.shape)}" + ("" if tensor.is_floating_point() else f" {tensor.dtype}".replace("torch.", ""))
