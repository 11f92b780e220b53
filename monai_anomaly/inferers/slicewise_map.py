# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from .anomaly_map import AnomalyMap
from .slicewise import Results, SlicewiseInferer

__all__ = ["SlicewiseMapInferer", "SlicewiseReconstructionInferer"]


class SlicewiseMapInferer(SlicewiseInferer):
    """Base of inferers that map the anomalies of 2D slices: ``{"map": (N, 1, ...)}``, higher is more anomalous.

    A slice that is left out keeps an empty map.

    Args:
        kwargs: see `SlicewiseInferer`.
    """

    def blank(self, x: torch.Tensor) -> Results:
        """Empty maps."""
        return {"map": torch.zeros_like(x[:, :1])}


class SlicewiseReconstructionInferer(SlicewiseMapInferer):
    """Base of inferers that reconstruct 2D slices without their anomaly, and map what that changed.

    The result is ``{"map": (N, 1, ...), "reconstruction": (N, C, ...)}``; where a subclass has S settings at a time
    also ``map_1``, ``reconstruction_1``, ... up to S - 1. A subclass defines :py:meth:`reconstruct`, and may redefine
    :py:meth:`refine`. A slice that is left out keeps an empty map and is its own reconstruction.

    Args:
        data_range: width of the intensity range, the unit of the map.
        smoothing: of the map, see `AnomalyMap`.
        border: of the map, see `AnomalyMap`.
        background: of the map, see `AnomalyMap`.
        weights: of the map, see `AnomalyMap`.
        kwargs: see `SlicewiseInferer`.
    """

    def __init__(
        self,
        data_range: float = 2.0,
        smoothing: float = 0.0,
        border: int = 0,
        background: float | None = None,
        weights: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.anomaly_map = AnomalyMap(data_range, smoothing, border, background, weights)

    @property
    def num_maps(self) -> int:
        """S, the maps of an image."""
        return 1

    @abstractmethod
    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Iterable[torch.Tensor]:
        """The S reconstructions of slices (N, C, H, W), which come padded; ``index`` as in `map_slices`."""

    def refine(
        self,
        x: torch.Tensor,
        reconstruction: torch.Tensor,
        anomaly_map: torch.Tensor,
        network: Any,
        index: Sequence[int],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What a map (N, 1, H, W) and its reconstruction (N, C, H, W) become once both are known; all as they came, not
        padded."""
        return anomaly_map, reconstruction

    def blank(self, x: torch.Tensor) -> Results:
        """Empty maps, and the slices as they are."""
        return _numbered((torch.zeros_like(x[:, :1]), x.clone()) for _ in range(self.num_maps))

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        """The maps and the reconstructions of slices (N, C, H, W)."""
        return _numbered(self._mapped(x, network, index))

    def _mapped(
        self, x: torch.Tensor, network: Any, index: Sequence[int]
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for padded in self.reconstruct(self.pad(x), network, index):
            reconstruction = padded[..., : x.shape[2], : x.shape[3]]  # cut here: smoothing must not mix the padding in
            anomaly_map = self.anomaly_map(x, reconstruction)
            yield self.refine(x, reconstruction, anomaly_map, network, index)


def _numbered(pairs: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> Results:
    """Maps and reconstructions by name: the first without a number, then ``map_1``, ``reconstruction_1``, ..."""
    fields: Results = {}
    for i, (anomaly_map, reconstruction) in enumerate(pairs):
        tail = f"_{i}" if i else ""
        fields |= {f"map{tail}": anomaly_map, f"reconstruction{tail}": reconstruction}
    return fields
