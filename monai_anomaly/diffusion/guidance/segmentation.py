# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ...utils import DataError, one_of
from .base import Guidance
from .checks import check_mask, check_whole

__all__ = ["SegmentationGuidance"]


class SegmentationGuidance(Guidance):
    """Toward a mask z as a segmenter of noisy images S(x, t) sees it: log p = -H(S, z) (thesis ch. 8, Algorithm 2).

    The algorithm prints eps^ = eps - c sqrt(1 - abar) grad H. That raises the cross-entropy H and drives the mask away;
    to lower it the sign is the other one, as everywhere here: eps^ = eps - c sqrt(1 - abar) grad log p.

    The network is called as ``network(x, timesteps=t)`` and returns logits (N, K, ...). With as many channels as z the
    cross-entropy is binary; with several and a z of one channel it is that of the softmax, and z numbers the classes.

    Args:
        target: z on the images' grid: (N, K, ...) in [0, 1], or (N, 1, ...) of classes; it comes with `bind`. A mask of
            0 alone removes.
        scale: c, see `Guidance`.
        interval: see `Guidance`.
        task: name of the segmenter.
        reduction: H is the ``"mean"`` over the pixels (Algorithm 2) or the ``"sum"``, which pulls at a pixel as
            strongly in large images as in small ones.
        margin: pixels around the desired mask, and around what the segmenter sees in the clean images, in which the
            guide acts; `bind` then needs these images. None: everywhere.

    Raises:
        ValueError: when the reduction is another, the margin is negative, or it needs images and is bound without.
        DataError: when bound, without a mask, with one on another grid or values that are neither in [0, 1] nor
            classes; in use, when the network has other channels or not all the classes.

    Example::

        def segmenter(x, timesteps):
            return 10 * x - 5

        z = torch.zeros(2, 1, 8, 8)
        z[..., 2:5, 3:6] = 1
        image = torch.rand(2, 1, 8, 8)
        guide = SegmentationGuidance(scale=5.0).bind(segmenter, NoiseSchedule(), image=image, target=z)
        term = guide(image, 300)
    """

    def __init__(
        self,
        target: torch.Tensor | None = None,
        scale: float | torch.Tensor = 1.0,
        interval: Sequence[float] = (0.0, math.inf),
        task: str = "segmenter",
        *,
        reduction: str = "mean",
        margin: int | None = None,
    ) -> None:
        super().__init__(target, scale, interval, task)
        one_of("reduction", reduction, ("mean", "sum"))
        if margin is not None and margin < 0:
            raise ValueError(f"margin must not be negative, got {margin!r}")
        self.reduction = reduction
        self.margin = margin

    def prepare(self) -> None:
        """Check the mask; whether it may number classes the network's channels say."""
        if self.target is None or self.target.ndim < 3:
            found = "none" if self.target is None else f"the shape {tuple(self.target.shape)}"
            raise DataError(f"expected a desired mask (N, K, ...) as target of the segmentation, found {found}")
        self._highest = float(self.target.max())
        numbers_classes = self.target.shape[1] == 1 and self._highest > 1
        check_mask("desired mask", self.target / self._highest if numbers_classes else self.target, self.image)
        if numbers_classes:
            check_whole("desired mask", self.target)
        self._is_whole = bool((self.target == self.target.round()).all())
        if self.margin is not None and not self.is_off:
            near = _widened(torch.maximum(self._seen(), (self.target > 0).any(1, keepdim=True).float()), self.margin)
            self.mask = near if self.mask is None else near * self.mask.to(near)

    def clean_logits(self) -> torch.Tensor:
        """The segmenter's logits (N, K, ...) of the clean images at level 0."""
        return self.of_clean_images(lambda x, timesteps: self.network(x, timesteps=timesteps)).float()

    def _seen(self) -> torch.Tensor:
        """What the segmenter sees in the clean images, of any class or region, (N, 1, ...) of 0 and 1."""
        logits = self.clean_logits()
        if logits.shape[1] == self.target.shape[1]:
            return (logits > 0).any(1, keepdim=True).float()
        return (logits.argmax(1, keepdim=True) > 0).float()

    def log_likelihood(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        logits = self.network(x, timesteps=timesteps)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        z = self.target.to(logits.device).expand(len(x), *self.target.shape[1:])
        channels = logits.shape[1]
        if logits.shape[2:] != z.shape[2:] or z.shape[1] not in (1, channels):
            raise DataError(
                f"expected a segmenter's logits on the grid of the desired mask {tuple(z.shape)}, with as many channels"
                f" or several, found {tuple(logits.shape)}"
            )
        if channels == z.shape[1]:
            if self._highest > 1:
                raise DataError(f"expected a desired mask in 0..1 for one channel, found {self._highest:g}")
            loss = F.binary_cross_entropy_with_logits(logits, z.to(logits), reduction="none")
        else:
            if self._highest >= channels or not self._is_whole:
                found = f"{self._highest:g}" if self._is_whole else "fractions"
                raise DataError(f"expected classes in 0..{channels - 1} in the desired mask, found {found}")
            loss = F.cross_entropy(logits, z[:, 0].long(), reduction="none")
        loss = loss.flatten(1)
        return -(loss.mean(1) if self.reduction == "mean" else loss.sum(1))


def _widened(mask: torch.Tensor, margin: int) -> torch.Tensor:
    """Masks (N, 1, ...) with so many pixels around them."""
    pool = {2: F.max_pool2d, 3: F.max_pool3d}[mask.ndim - 2]
    return pool(mask, 2 * margin + 1, stride=1, padding=margin)
