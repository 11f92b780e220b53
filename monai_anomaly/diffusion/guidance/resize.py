# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from ...utils import DataError
from .checks import brain_of
from .segmentation import SegmentationGuidance

__all__ = ["ResizeGuidance", "resized_mask"]


class ResizeGuidance(SegmentationGuidance):
    """Toward a relative size, by the mask that the lesion would have: the segmenter's own mask of the clean image,
    grown or shrunk evenly, see :py:func:`resized_mask`.

    A regressor, or a segmenter's area, tells only how much is missing, and learns to be satisfied by faint changes
    anywhere; a mask tells where. The guide acts near the old and the new mask only. The network is called as
    ``network(x, timesteps=t)`` and returns logits (N, 1, ...); `bind` needs the clean images.

    Args:
        target: the size wanted, lesion / brain, in [0, 1], one for all or a tensor (N,); it may also come with `bind`.
        scale: see `Guidance`.
        interval: see `Guidance`.
        task: name of the segmenter.
        factor: in place of a target: so many times the size that the segmenter sees in the clean image, at least 0.
        margin: see `SegmentationGuidance`.
        reduction: see `SegmentationGuidance`.
        background: value around the brain; a pixel with any channel above it is brain.

    Raises:
        ValueError: when target and factor are given, the factor is negative or no number, the margin is negative,
            or it is bound without images.
        DataError: when bound, without a target or a factor, with a target that is no fraction, an image that is all
            background, or a segmenter of several channels.

    Example::

        def segmenter(x, timesteps):
            return 10 * x - 5

        guide = ResizeGuidance(factor=2.0, background=0.0)
        guide = guide.bind(segmenter, NoiseSchedule(), image=torch.rand(2, 1, 8, 8))  # twice as large
        term = guide(torch.rand(2, 1, 8, 8), 300)
    """

    def __init__(
        self,
        target: float | torch.Tensor | None = None,
        scale: float | torch.Tensor = 1.0,
        interval: Sequence[float] = (0.0, math.inf),
        task: str = "segmenter",
        *,
        factor: float | None = None,
        margin: int | None = 4,
        reduction: str = "sum",
        background: float = -1.0,
    ) -> None:
        super().__init__(None, scale, interval, task, reduction=reduction, margin=margin)
        if target is not None and factor is not None:
            raise ValueError(f"give one of target and factor, got {target!r} and {factor!r}")
        if factor is not None and not (isinstance(factor, (int, float)) and 0 <= factor < math.inf):
            raise ValueError(f"factor must be a number that is not negative, got {factor!r}")
        self.target = target
        self.factor = factor
        self.background = background

    def prepare(self) -> None:
        """Segment the clean images, and make the masks of the sizes wanted."""
        logits = self.clean_logits()
        if self.image is None or logits.shape != (len(self.image), 1, *self.image.shape[2:]):
            raise DataError(
                f"expected a segmenter of one channel on the images' grid, found the shape {tuple(logits.shape)}"
            )
        self._found = (logits > 0).float()
        brain = brain_of(self.image, self.background)
        area = brain.flatten(1).sum(1)
        probability = logits[:, 0].sigmoid()
        lesion = (probability > 0.5) & brain
        wanted = self._sizes(lesion.flatten(1).sum(1) / area)
        counts = (wanted.to(area.device) * area).round().long().expand(len(area)).tolist()
        arrays = zip(*(v.cpu().numpy() for v in (lesion, brain, probability)), counts, strict=True)
        masks = np.stack([resized_mask(*parts) for parts in arrays])
        self.target = torch.from_numpy(masks)[:, None].to(self.image)
        super().prepare()

    def _seen(self) -> torch.Tensor:
        return self._found  # the network was asked for it already

    def _sizes(self, sizes: torch.Tensor) -> torch.Tensor:
        """What is wanted of images with lesions of some sizes (N,)."""
        if self.factor is not None:
            if self.target is not None:
                raise DataError("expected no target where the guide has a factor, found one")
            return (self.factor * sizes).clamp(max=1)
        if self.target is None:
            raise DataError("expected a target or a factor of the size, found none")
        if self.target.shape[1:].numel() != 1 or not bool(((self.target >= 0) & (self.target <= 1)).all()):
            raise DataError(
                "expected a size that is a fraction in 0..1, or one for each image (N,), found "
                f"{self.target.flatten().tolist()[:3]} of shape {tuple(self.target.shape)}"
            )
        return self.target.reshape(-1)


def resized_mask(lesion: np.ndarray, brain: np.ndarray, probability: np.ndarray, count: int) -> np.ndarray:
    """The mask of a lesion that was grown or shrunk evenly to so many pixels of the brain.

    The pixels are taken in the order of their signed distance to the lesion's edge; of the same distance the likelier
    ones first. Without a lesion it grows around the likeliest pixel.

    Args:
        lesion: the mask now, bool.
        brain: bool, of the same shape; nothing grows out of it.
        probability: of a lesion, of the same shape; in [0, 1].
        count: pixels wanted; more than the brain has: all of it.

    Returns:
        bool, of the same shape.
    """
    seen = lesion & brain
    if not seen.any():
        seen = np.zeros_like(brain)
        seen.flat[np.argmax(np.where(brain, probability, -1))] = True
    distance = ndimage.distance_transform_edt(~seen) - ndimage.distance_transform_edt(seen)
    distance = np.where(brain, distance - 1e-3 * probability, np.inf)
    chosen = np.argsort(distance, axis=None, kind="stable")[: min(count, int(brain.sum()))]
    mask = np.zeros(brain.shape, bool)
    mask.flat[chosen] = True
    return mask
