# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch

from ..networks.layers import image_statistics
from ..utils import autocast_dtype
from .slicewise import SlicewiseReconstructionInferer

__all__ = ["GANTranslationInferer"]

STATISTICS = ("running", "image")


class GANTranslationInferer(SlicewiseReconstructionInferer):
    """Translate images to what they would be if healthy, in one pass of a generator (thesis ch. 6).

    The result is ``{"map": (N, 1, ...), "reconstruction": (N, C, ...)}``. The network has ``translate(x, target)``, as
    `TranslationGAN`.

    Args:
        target: the class to translate to (0: healthy).
        statistics: what batch normalization normalizes by: ``"running"``, what it learned, or ``"image"``, the image
            itself, which then goes through the network alone (the published evaluation; see
            :py:func:`image_statistics`). Of no effect in a network without it.
        autocast: see `autocast_dtype`.
        divisor: see `SlicewiseInferer`.
        kwargs: see `SlicewiseReconstructionInferer` and `SlicewiseInferer`.

    Raises:
        ValueError: when ``statistics`` is unknown.

    Example::

        critic = DeScarGANDiscriminator(channels=(2, 4), num_convs=(1, 1))
        network = TranslationGAN(DeScarGANGenerator(channels=(2, 4)), critic).eval()
        found = GANTranslationInferer(target=0)(torch.rand(2, 1, 16, 16), network)
        found["map"], found["reconstruction"]
    """

    def __init__(
        self,
        target: int = 0,
        statistics: str = "running",
        autocast: str | None = None,
        divisor: int = 8,
        **kwargs: Any,
    ) -> None:
        super().__init__(divisor=divisor, **kwargs)
        if statistics not in STATISTICS:
            raise ValueError(f"statistics must be one of {STATISTICS}, got {statistics!r}")
        self.target = target
        self.statistics = statistics
        self.autocast = autocast

    @property
    def slices_at_a_time(self) -> int:
        """One where each is normalized by itself, otherwise a whole batch."""
        return 1 if self.statistics == "image" else self.batch_size

    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> list[torch.Tensor]:
        """The translation of slices (N, C, H, W), in float32."""
        dtype = autocast_dtype(self.autocast, x.device)
        with (
            image_statistics(network) if self.statistics == "image" else nullcontext(),
            torch.autocast(x.device.type, dtype) if dtype else nullcontext(),
        ):
            return [network.translate(x, self.target).float()]
