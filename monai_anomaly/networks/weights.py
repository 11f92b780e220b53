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

    @property
    def new_parts(self) -> tuple[str, ...]:
        """Parts of the network, the first words of the names, that have nothing in the file."""
        both = {_part(name) for name in self.matched}
        return tuple(dict.fromkeys(part for name in self.new if (part := _part(name)) not in both))

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} of the network's {len(self.matched) + len(self.new)} tensors are in the file"]
        parts += [f"not in the file: {self._listed(self.new)}"] if self.new else []
        parts += [f"not in the network: {self._listed(self.unused)}"] if self.unused else []
        return "; ".join(parts)

    def _listed(self, names: Sequence[str]) -> str:
        """Names in words; those of a part that is on one side alone as one."""
        both = {_part(name) for name in self.matched}
        return listed(dict.fromkeys(name if _part(name) in both else f"{_part(name)}.*" for name in names))


def load_weights(
    network: torch.nn.Module, path: str | os.PathLike, strict: bool = True, whole: Sequence[str] = ()
) -> WeightsMatch:
    """Bring the weights of a file into a network, whatever device or precision they were saved with.

    Prefixes of wrappers are stripped, and a state dict inside of another dictionary is found, see `clean_state_dict`.

    Args:
        network: on any device; its tensors keep their device and type.
        path: file written by ``torch.save``, see `load_state_dict`.
        strict: whether network and file must have the same tensors; if not, those that both have are taken.
        whole: parts of the network, first words of names, that must have the same tensors in both even if not
            ``strict``, as those that are not trained.

    Returns:
        What was taken.

    Raises:
        DataError: if the file is missing, damaged, no state dict or not finite; if the names differ (``strict``), none
            is in both, or a part that must be whole is not; if a tensor has another shape than the network's. The
            network is then unchanged.
    """
    saved = load_state_dict(path)
    own = network.state_dict()
    match = WeightsMatch(
        matched=tuple(name for name in own if name in saved),
        new=tuple(name for name in own if name not in saved),
        unused=tuple(name for name in saved if name not in own),
    )
    if any(_part(name) in whole for name in (*match.new, *match.unused)):
        raise DataError(
            f"{path}: expected all weights of {', '.join(whole)}, which must come from the file, found {match}"
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


def _part(name: str) -> str:
    return name.split(".")[0]


def _differing(own: Mapping[str, torch.Tensor], saved: Mapping[str, torch.Tensor], names: Sequence[str]) -> list[str]:
    """Tensors that cannot be taken for the network's: what the file has, and what the network has."""
    kinds = {name: (_kind(saved[name]), _kind(own[name])) for name in names}
    return [f"{name} {found} for {wanted}" for name, (found, wanted) in kinds.items() if found != wanted]


def _kind(tensor: torch.Tensor) -> str:
    """Shape, and the type where it is not a floating point number: half precision fits float32."""
    return f"{tuple(tensor.shape)}" + ("" if tensor.is_floating_point() else f" {tensor.dtype}".replace("torch.", ""))
