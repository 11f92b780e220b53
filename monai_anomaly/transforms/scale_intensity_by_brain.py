# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.data.meta_obj import get_track_meta
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, convert_to_dst_type, convert_to_tensor, look_up_option

from ..utils import INTENSITY_WIDTH, SATURATED, SCALING_WARNING, DataError, ScalingWarning
from .check_image import file_of
from .foreground import find_foreground

__all__ = [
    "ScaleIntensityByBrain",
    "ScaleIntensityByBrainD",
    "ScaleIntensityByBrainDict",
    "ScaleIntensityByBraind",
]


# of the foreground: usual brains have up to 16 % (fluid in T2 of an atrophied one), noise taken for brain gives 30 %
MOST_SATURATED = 0.2
MOST_BELOW = 0.3
FOREGROUND = (0.005, 0.98)  # share of the image


class ScaleIntensityByBrain(Transform):
    """Scale a whole volume by the statistics of its brain voxels (or of its head), every channel by itself.

    Modes:

    * ``"median"``: x / (factor * median of the brain), clipped to [0, 1]. A lesion of a few percent of the brain hardly
      moves a median, so that healthy and diseased volumes may be mixed.
    * ``"percentile"``: clip to two percentiles of the brain and stretch them to the ends (Wolleb, thesis 2022, ch. 5
      and 7: 1 and 99). A bright lesion moves the upper one and so dims the healthy tissue: only use it where the
      healthy and the diseased slices come from the same volumes.

    The background goes to ``b_min``; where it is noise or a constant other than 0, its level is subtracted first. Apply
    it to volumes before cutting slices: statistics of single slices would change from slice to slice.

    A `ScalingWarning` says when more of the foreground than in any usual image lies at an end of the range, or when the
    foreground is all of the image or next to nothing. The metadata of the result has it too, see `scaling_note`; and,
    as ``intensity_width`` (C,), the width of the range in the units of each channel.

    Args:
        mode: ``"median"`` or ``"percentile"``.
        lower: lower percentile in [0, 100], which goes to ``b_min``; ``None``: 0 goes to ``b_min`` (so the intensities
            are only divided, as in the data published with the papers).
        upper: upper percentile in [0, 100], which goes to ``b_max``.
        factor: multiple of the median that goes to ``b_max``.
        background: voxels above this value are brain, unless a mask is given; None: they are found, see
            `find_foreground`.
        b_min: smallest value of the result.
        b_max: largest value of the result.

    Raises:
        DataError: when a channel holds NaN or infinity, has no brain voxel, or all of them have one value where a
            range is needed; or, by the median, when they are of both signs, as after a z-score.

    Example::

        head = torch.zeros(1, 16, 16, 16)
        head[:, 4:12, 4:12, 4:12] = 100 + 10 * torch.rand(8, 8, 8)
        scaled = ScaleIntensityByBrain(factor=2.0)(head)  # the median of the brain goes to 0.5
        assert abs(scaled[head > 0].median() - 0.5) < 0.01
    """

    backend = [TransformBackends.TORCH]

    def __init__(
        self,
        mode: str = "median",
        lower: float | None = 1.0,
        upper: float = 99.0,
        factor: float = 2.2,
        background: float | None = None,
        b_min: float = 0.0,
        b_max: float = 1.0,
    ) -> None:
        self.mode = look_up_option(mode, ("median", "percentile"))
        if not (lower or 0.0) < upper <= 100.0:
            raise ValueError(f"expected percentiles lower < upper <= 100, found {lower} and {upper}")
        self.lower = lower
        self.upper = upper
        self.factor = factor
        self.background = background
        self.b_min = b_min
        self.b_max = b_max

    def __call__(self, img: NdarrayOrTensor, mask: NdarrayOrTensor | None = None) -> NdarrayOrTensor:
        """Return the scaled image, float32, in [b_min, b_max].

        Args:
            img: (C, spatial...).
            mask: brain mask, (1, spatial...) or (C, spatial...), > 0 inside.
        """
        img = convert_to_tensor(img, track_meta=get_track_meta())
        values = torch.as_tensor(img).detach().as_subclass(torch.Tensor).float()
        given = None if mask is None else torch.as_tensor(mask).as_subclass(torch.Tensor).expand_as(values) > 0
        out = torch.full_like(values, self.b_min)
        saturated, strange, widths = 0.0, list[tuple[float, str]](), list[float]()
        for c, channel in enumerate(values):
            name = file_of(img, c)
            if not torch.isfinite(channel).all():
                raise DataError(f"{name}: expected finite intensities, found NaN or infinity")
            inside, level = self._inside(channel, None if given is None else given[c])
            voxels = channel[inside] - level if level else channel[inside]
            if voxels.numel() == 0:
                around = level if self.background is None else self.background
                raise DataError(f"{name}: expected brain voxels > {around:g}, found none")
            low, high = self._range(voxels.cpu().numpy(), name)
            if not high > low:
                raise DataError(f"{name}: expected a range of brain intensities, found {low:g} to {high:g}")
            widths.append(high - low)
            scaled = (voxels - low) / (high - low)
            share = self._saturated(scaled)
            saturated = max(saturated, share)
            filled = float(inside.float().mean())
            about = []
            if share > MOST_SATURATED:
                about.append(f"{share:.0%} of the foreground lies at an end of the intensity range")
            if mask is None and not FOREGROUND[0] <= filled <= FOREGROUND[1]:
                about.append(f"{filled:.1%} of the image counts as foreground")
            if about:
                strange.append((share, f"{name}: {', '.join(about)}"))
            out[c][inside] = scaled.clamp_(0.0, 1.0) * (self.b_max - self.b_min) + self.b_min
        result = convert_to_dst_type(out, dst=img, dtype=torch.float32)[0]
        self._tell(result, saturated, strange)
        if isinstance(result, MetaTensor):
            result.meta[INTENSITY_WIDTH] = np.array(widths)
        return result

    def _inside(self, channel: torch.Tensor, given: torch.Tensor | None) -> tuple[torch.Tensor, float]:
        """The brain voxels of a channel and the intensity around them."""
        if given is not None:
            return given, 0.0
        if self.background is not None:
            return channel > self.background, 0.0
        found = find_foreground(channel.cpu().numpy())
        return torch.from_numpy(found.inside).to(channel.device), found.level

    def _saturated(self, scaled: torch.Tensor) -> float:
        """Share of the brain voxels that a clip to [0, 1] changes, beyond what the percentiles ask for."""
        wanted = 0.0 if self.mode == "median" else (self.lower or 0.0) / 100 + (1 - self.upper / 100)
        clipped = float(((scaled < 0) | (scaled > 1)).float().mean())
        return max(0.0, clipped - wanted)

    @staticmethod
    def _tell(out: NdarrayOrTensor, saturated: float, strange: list[tuple[float, str]]) -> None:
        text = ""
        if strange:
            worst = max(strange, key=lambda found: found[0])[1]
            more = f" (and {len(strange) - 1} more of its channels)" if len(strange) > 1 else ""
            advice = "is the background 0 or noise, is the whole head or only the brain there?"
            text = f"{worst}{more}; look at the picture: {advice}"
            warnings.warn(ScalingWarning(text), stacklevel=3)
        if isinstance(out, MetaTensor):
            out.meta |= {SCALING_WARNING: text, SATURATED: saturated}

    def _range(self, voxels: np.ndarray, name: str) -> tuple[float, float]:
        """Return the intensities that go to ``b_min`` and ``b_max``."""
        if self.mode == "median":
            below = float(np.mean(voxels < 0))
            if below > MOST_BELOW:
                raise DataError(
                    f"{name}: expected intensities above that of the background, found {below:.0%} of the foreground "
                    "below it, as after a z-score; give images without it, or scale with mode 'percentile'"
                )
            return 0.0, self.factor * float(np.median(voxels))
        low = 0.0 if self.lower is None else float(np.percentile(voxels, self.lower))
        return low, float(np.percentile(voxels, self.upper))


class ScaleIntensityByBraind(MapTransform):
    """Scale volumes by the statistics of their brain voxels; see :class:`ScaleIntensityByBrain`.

    Args:
        keys: images to scale, each by its own statistics.
        mode: ``"median"`` or ``"percentile"``.
        lower: lower percentile.
        upper: upper percentile.
        factor: multiple of the median that goes to ``b_max``.
        background: voxels above this value are brain, unless ``mask_key`` is given; None: they are found.
        b_min: smallest value of the result.
        b_max: largest value of the result.
        mask_key: entry with a brain mask (not the lesion mask).
        allow_missing_keys: skip keys a sample does not have.
    """

    backend = ScaleIntensityByBrain.backend

    def __init__(
        self,
        keys: KeysCollection,
        mode: str = "median",
        lower: float | None = 1.0,
        upper: float = 99.0,
        factor: float = 2.2,
        background: float | None = None,
        b_min: float = 0.0,
        b_max: float = 1.0,
        mask_key: str | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.scale = ScaleIntensityByBrain(mode, lower, upper, factor, background, b_min, b_max)
        self.mask_key = mask_key

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor]:
        """Scale the images of a sample."""
        d = dict(data)
        mask = None if self.mask_key is None else d[self.mask_key]
        for key in self.key_iterator(d):
            d[key] = self.scale(d[key], mask)
        return d


ScaleIntensityByBrainD = ScaleIntensityByBrainDict = ScaleIntensityByBraind
