# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import copy
from typing import Any

import torch

from ..networks.layers import image_statistics, jacobian_determinant
from ..utils import autocast_dtype, one_of
from .slicewise import Results
from .slicewise_map import SlicewiseReconstructionInferer
from .view import VIEWS

__all__ = ["GANTranslationInferer"]

STATISTICS = ("running", "image")


class GANTranslationInferer(SlicewiseReconstructionInferer):
    """Translate images to what they would be if healthy, in one pass of a generator (thesis ch. 6).

    The result is ``{"map": (N, 1, ...), "reconstruction": (N, C, ...)}``. The network has ``translate(x, target)``, as
    `TranslationGAN`. Of a network that moves what it translates also ``displacement`` (N, D, ...), where each voxel was
    taken from, in voxels, and ``log_jacobian`` (N, 1, ...), the logarithm of :py:func:`jacobian_determinant`: above 0
    where something **shrank** on the way from the image to its reconstruction, below where it **grew**; folds count as
    shares of 0.01.

    Args:
        target: the class to translate to (0: healthy).
        statistics: what batch normalization normalizes by: ``"running"``, what it learned, or ``"image"``, the image
            itself, which then goes through the network alone (the published evaluation; see
            :py:func:`image_statistics`). Of no effect in a network without it.
        autocast: see `autocast_dtype`.
        divisor: see `SlicewiseInferer`.
        views: how many views of an image the result is the mean of: 1, 2 (and its mirror image along the first spatial
            axis) or 8 (all symmetries of a square), for a network trained on images seen so; so many times the work.
        displacement: whether the last two are wanted; without effect on a network that moves nothing.
        kwargs: see `SlicewiseReconstructionInferer` and `SlicewiseInferer`.

    Raises:
        ValueError: when ``statistics`` is unknown, or ``views`` another number.

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
        views: int = 1,
        displacement: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(divisor=divisor, **kwargs)
        one_of("statistics", statistics, STATISTICS)
        self.target = target
        self.statistics = statistics
        self.autocast = autocast
        self.views = one_of("views", views, VIEWS)
        self.displacement = displacement

    @property
    def one_view(self) -> GANTranslationInferer:
        """This inferer, of the image as it is alone: for a validation after every epoch."""
        return self._but(views=1)

    @property
    def slices_at_a_time(self) -> int:
        """One where each is normalized by itself, otherwise a whole batch."""
        return 1 if self.statistics == "image" else self.batch_size

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Results:
        """The fields of images (N, C, H, W) or volumes (N, C, X, Y, Z), see `SlicewiseInferer`; the displacement of a
        volume has three components, the one from slice to slice 0."""
        if self.displacement and not getattr(getattr(network, "module", network), "moves", False):
            return self._but(displacement=False)(inputs, network)
        return super().__call__(inputs, network)

    def in_volumes(self, fields: Results) -> Results:
        """With a third component of the displacement, along the slice axis."""
        if "displacement" in fields:
            within = list(fields["displacement"].split(1, dim=1))
            within.insert(self.slice_axis, torch.zeros_like(within[0]))
            fields = {**fields, "displacement": torch.cat(within, dim=1)}
        return fields

    def blank(self, x: torch.Tensor) -> Results:
        """Empty maps, the slices as they are, and no displacement."""
        fields = super().blank(x)
        if self.displacement:
            still = torch.zeros_like(x[:, :1])
            fields |= {"displacement": torch.cat([still, still], dim=1), "log_jacobian": still}
        return fields

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        """The map and the reconstruction of slices (N, C, H, W), and the displacement."""
        if not self.displacement:
            return super().map_slices(x, network, index)
        height, width = x.shape[2:]
        seen = [(view, self._pass(network.deform, view(self.pad(x)), network)) for view in VIEWS[self.views]]
        parts = zip(*((view.undo(made[0]), view.undo_vectors(made[1])) for view, made in seen), strict=True)
        reconstruction, displacement = (torch.stack(p).mean(0)[..., :height, :width].float() for p in parts)
        logarithm = jacobian_determinant(displacement).clamp(min=0.01).log()
        fields = {"map": self.anomaly_map(x, reconstruction), "reconstruction": reconstruction}
        return {**fields, "displacement": displacement, "log_jacobian": logarithm}

    def reconstruct(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> list[torch.Tensor]:
        """The translation of slices (N, C, H, W), in float32."""
        seen = [view.undo(self._pass(network.translate, view(x), network)) for view in VIEWS[self.views]]
        return [torch.stack(seen).mean(0).float()]

    def _pass(self, translate: Callable, x: torch.Tensor, network: Any) -> Any:
        """What a method of the network makes of slices."""
        dtype = autocast_dtype(self.autocast, x.device)
        with (
            image_statistics(network) if self.statistics == "image" else nullcontext(),
            torch.autocast(x.device.type, dtype) if dtype else nullcontext(),
        ):
            return translate(x, self.target)

    def _but(self, **settings: Any) -> GANTranslationInferer:
        """This inferer with other settings."""
        other = copy(self)
        vars(other).update(settings)
        return other
