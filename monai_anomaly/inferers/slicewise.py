# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any
from warnings import warn

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.utils import convert_to_tensor
from torch.nn import functional as F
from tqdm import tqdm

from .finite import SliceNames, broken_inputs, broken_results, working_type

__all__ = ["Results", "SlicewiseInferer"]

Results = dict[str, torch.Tensor]
"""What an inferer finds, by name; each tensor (N, ..., H, W), of volumes (N, ..., X, Y, Z)."""


class SlicewiseInferer(Inferer):
    """Base of inferers that work on 2D slices; volumes are taken slice by slice.

    The result is a dictionary of named fields, e.g. ``{"map": (N, 1, ...), "reconstruction": (N, C, ...)}``; MONAI's
    ``FlattenSubKeysd`` makes them entries of the sample. A subclass defines :py:meth:`map_slices` and :py:meth:`blank`.
    Slices of one intensity, where there is nothing to find, are left blank.

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

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the result."""
        return tuple(self.blank(torch.empty(0, 1, 1, 1)))

    @abstractmethod
    def blank(self, x: torch.Tensor) -> Results:
        """The fields (N, ..., H, W) of slices (N, C, H, W) that are left out, in memory of their own."""

    @abstractmethod
    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        """The fields of slices (N, C, H, W), named and shaped as those of :py:meth:`blank`.

        Args:
            x: slices as they came; the network is given ``self.pad(x)``. What the results have more than them is cut.
            network: as in the call.
            index: which slices of the call these are: a random method seeds by it, so that the results do not depend
                on the batch size.
        """

    def in_volumes(self, fields: Results) -> Results:
        """What the fields of slices, stacked (N, ..., X, Y, Z), become in a volume: vectors have three components."""
        return fields

    def pad(self, x: torch.Tensor) -> torch.Tensor:
        """Slices (N, C, H, W) with their right and lower edges repeated up to multiples of the divisor."""
        height, width = x.shape[2:]
        return F.pad(x, (0, -width % self.divisor, 0, -height % self.divisor), mode="replicate")

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Results:
        """The subclass' fields of each image.

        Args:
            inputs: images (N, C, H, W) or volumes (N, C, X, Y, Z), scaled as in training, of any real type; they are
                computed in the floating type of the network's weights (without weights in float64 or float32).
            network: what the subclass needs, in evaluation mode.
            args: not used.
            kwargs: not used.

        Returns:
            The fields, all finite; of volumes with the axes of the volume in place of those of the slice.

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
            slices = x.movedim(self.slice_axis + 2, 1)
            names = SliceNames(inputs, slices.shape[1])
            result = self._in_batches(slices.flatten(0, 1), network, names, self._inside(slices))
            stacks = {name: values.unflatten(0, slices.shape[:2]) for name, values in result.items()}
            result = self.in_volumes({name: values.movedim(1, self.slice_axis - 3) for name, values in stacks.items()})
        if not isinstance(inputs, MetaTensor):
            return result
        # MONAI's Invertd needs the history of the input on the result
        return {name: MetaTensor(values).copy_meta_from(inputs) for name, values in result.items()}

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
    ) -> Results:
        """The fields of slices (M, C, H, W); those outside, and of one intensity, stay as they are."""
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
            finite = torch.ones(len(index), dtype=torch.bool, device=x.device)
            for name, values in self.map_slices(x[chosen], network, index).items():
                result[name][chosen] = found = values[..., :height, :width].to(result[name])
                finite &= found.isfinite().flatten(1).all(1)
            if not bool(finite.all()):
                raise broken_results([i for i, ok in zip(index, finite.tolist(), strict=True) if not ok], names)
        return result
