# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any
from warnings import warn

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.utils import convert_to_tensor
from torch.nn import functional as F
from tqdm import tqdm

from ..transforms.anomaly_map import AnomalyMap
from .finite import SliceNames, broken_inputs, broken_results, working_type

__all__ = ["SlicewiseInferer", "SlicewiseMapInferer", "SlicewiseReconstructionInferer"]


class SlicewiseInferer(Inferer):
    """Base of inferers that work on 2D slices; volumes are taken slice by slice.

    A subclass defines :py:meth:`map_slices` and :py:meth:`blank`. Slices of one intensity, where there is nothing to
    find, are left blank.

    Args:
        batch_size: images that go through a network at a time; bounds the memory.
        divisor: slices are padded (edge values) to multiples of it, as the network's levels need, and cropped again.
        slice_axis: spatial axis of 5-D inputs along which slices are taken.
        slice_range: first and one past the last slice of 5-D inputs to work on, those the networks were trained on; the
            others are left blank. None: all.
        progress: show a bar over the batches of slices.

    Raises:
        ValueError: when the range of slices is not two rising numbers, the axis is not 0, 1 or 2, or a count is less
            than 1.
    """

    def __init__(
        self,
        batch_size: int = 16,
        divisor: int = 1,
        slice_axis: int = 2,
        slice_range: Sequence[int] | None = None,
        progress: bool = False,
    ) -> None:
        super().__init__()
        if slice_range is not None and not (len(slice_range) == 2 and 0 <= slice_range[0] < slice_range[1]):
            raise ValueError(f"slice_range must be [first, one past last], got {slice_range!r}")
        for name, value in (("batch_size", batch_size), ("divisor", divisor)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if slice_axis not in (0, 1, 2):
            raise ValueError(f"slice_axis must be 0, 1 or 2, got {slice_axis}")
        self.batch_size = batch_size
        self.divisor = divisor
        self.slice_axis = slice_axis
        self.slice_range = None if slice_range is None else (int(slice_range[0]), int(slice_range[1]))
        self.progress = progress

    @property
    def slices_at_a_time(self) -> int:
        """Slices given to `map_slices` at a time; fewer than the batch size where each takes several network inputs."""
        return self.batch_size

    @abstractmethod
    def blank(self, x: torch.Tensor) -> torch.Tensor:
        """The result of slices (N, C, H, W) that are left out."""

    @abstractmethod
    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> torch.Tensor:
        """The results of slices (N, C, H, W), laid out as those of the call.

        Args:
            x: slices as they came; the network is given ``self.pad(x)``. What the results have more than them is cut.
            network: as in the call.
            index: which slices of the call these are: a random method seeds by it, so that the results do not depend
                on the batch size.
        """

    def pad(self, x: torch.Tensor) -> torch.Tensor:
        """Slices (N, C, H, W) with their right and lower edges repeated up to multiples of the divisor."""
        height, width = x.shape[2:]
        return F.pad(x, (0, -width % self.divisor, 0, -height % self.divisor), mode="replicate")

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The subclass' result for each image.

        Args:
            inputs: images (N, C, H, W) or volumes (N, C, X, Y, Z), scaled as in training, of any real type; they are
                computed in the floating type of the network's weights (without weights in float64 or float32).
            network: what the subclass needs, in evaluation mode.
            args: not used.
            kwargs: not used.

        Returns:
            (N, R, ...), R channels laid out as `map_slices` says, all finite.

        Raises:
            ValueError: when the inputs have another rank.
            DataError: when the inputs, or what the network makes of them, are not finite; it names the slices.
        """
        if inputs.ndim not in (4, 5):
            raise ValueError(f"inputs must be (N, C, H, W) or (N, C, X, Y, Z), got the shape {tuple(inputs.shape)}")
        network = getattr(network, "module", network)  # DistributedDataParallel
        x = convert_to_tensor(inputs, track_meta=False)
        x = x.to(working_type(x, network))
        if x.ndim == 4:
            result = self._in_batches(x, network, SliceNames(inputs))
        else:
            axis = self.slice_axis + 2
            slices = x.movedim(axis, 1)
            names = SliceNames(inputs, slices.shape[1])
            result = self._in_batches(slices.flatten(0, 1), network, names, self._inside(slices))
            result = result.unflatten(0, slices.shape[:2]).movedim(1, axis)
        # MONAI's Invertd needs the history of the input on the result
        return MetaTensor(result).copy_meta_from(inputs) if isinstance(inputs, MetaTensor) else result

    def _inside(self, slices: torch.Tensor) -> torch.Tensor:
        """Which of the slices (N, D, ...) are in the range: (N D), of bool."""
        first, stop = self.slice_range or (0, slices.shape[1])
        if first >= slices.shape[1]:
            warn(f"slice_range {[first, stop]} has none of the volume's {slices.shape[1]} slices", stacklevel=3)
        index = torch.arange(slices.shape[1], device=slices.device)
        return ((index >= first) & (index < stop)).repeat(len(slices))

    @torch.no_grad()
    def _in_batches(
        self, x: torch.Tensor, network: Any, names: SliceNames, inside: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The results of slices (M, C, H, W); those outside, and of one intensity, stay as they are."""
        height, width = x.shape[2:]
        result = self.blank(x)
        low, high = x.flatten(1).aminmax(dim=1)  # NaN where there is one
        bad = ~(low.isfinite() & high.isfinite())
        if bool(bad.any()):
            raise broken_inputs(x, bad, names)
        varied = high > low
        todo = torch.nonzero(varied if inside is None else varied & inside)[:, 0]
        starts = range(0, len(todo), self.slices_at_a_time)
        for start in tqdm(starts, desc="slices", unit="batch", disable=not self.progress, leave=False):
            chosen = todo[start : start + self.slices_at_a_time]
            index = chosen.tolist()
            mapped = self.map_slices(x[chosen], network, index)[..., :height, :width].to(result)
            finite = mapped.isfinite().flatten(1).all(1).tolist()
            if not all(finite):
                raise broken_results([i for i, ok in zip(index, finite, strict=True) if not ok], names)
            result[chosen] = mapped
        return result


class SlicewiseMapInferer(SlicewiseInferer):
    """Base of inferers that map the anomalies of 2D slices: (N, S, ...), S maps, or (N, S (1 + C), ...), each map with
    the C channels of its healthy reconstruction behind it.

    A slice that is left out keeps an empty map and is its own reconstruction.

    Args:
        kwargs: see `SlicewiseInferer`.
    """

    reconstructs: bool = False
    """Whether the C channels of a healthy reconstruction follow each map."""

    @property
    def num_maps(self) -> int:
        """S, the maps of an image; more than one where a subclass has several settings at a time."""
        return 1

    def blank(self, x: torch.Tensor) -> torch.Tensor:
        """Empty maps, and the slices as they are."""
        empty = torch.zeros_like(x[:, :1])
        return torch.cat([empty, x] * self.num_maps if self.reconstructs else [empty] * self.num_maps, dim=1)


class SlicewiseReconstructionInferer(SlicewiseMapInferer):
    """Base of inferers that make a healthy version of 2D slices, and map what it differs in from the input.

    A subclass defines :py:meth:`reconstruct`, and may redefine :py:meth:`refine`. Slices of one intensity are their own
    reconstruction.

    Args:
        data_range: width of the intensity range, the unit of the map.
        smoothing: of the map, see `AnomalyMap`.
        border: of the map, see `AnomalyMap`.
        background: of the map, see `AnomalyMap`.
        kwargs: see `SlicewiseInferer`.
    """

    reconstructs = True

    def __init__(
        self,
        data_range: float = 2.0,
        smoothing: float = 0.0,
        border: int = 0,
        background: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.anomaly_map = AnomalyMap(data_range, smoothing, border, background)

    @abstractmethod
    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Iterable[torch.Tensor]:
        """The S healthy versions of slices (N, C, H, W), which come padded; ``index`` as in `map_slices`."""

    def refine(
        self, x: torch.Tensor, healthy: torch.Tensor, score: torch.Tensor, network: Any, index: Sequence[int]
    ) -> torch.Tensor:
        """What a healthy version (N, C, H, W) becomes once its map (N, 1, H, W) is known; all as they came, not padded.

        The map stays.
        """
        return healthy

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> torch.Tensor:
        """The maps and the reconstructions (N, S (1 + C), H, W) of slices (N, C, H, W)."""
        parts = []
        for padded in self.reconstruct(self.pad(x), network, index):
            healthy = padded[..., : x.shape[2], : x.shape[3]]  # cut here: smoothing must not mix the padding in
            score = self.anomaly_map(x, healthy)
            parts += [score, self.refine(x, healthy, score, network, index)]
        return torch.cat(parts, dim=1)
