# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.data import MetaTensor
from monai.utils import convert_to_tensor, look_up_option
from torch import nn
from torch.nn import functional as F

from ..networks.blocks import FeatureStack
from .finite import SliceNames, broken_inputs, working_type
from .grad_cam import WEIGHTS, grad_cam, log_odds
from .latent import LatentInferer
from .slicewise import Results

__all__ = ["ClassMapInferer"]


class ClassMapInferer(LatentInferer):
    """Classify whole images or volumes and map what speaks for the class, by Grad-CAM (see `grad_cam`).

    The result is that of `LatentInferer` without the centers, which belong to no image, so that it can be decollated;
    with ``"probability"`` (N, K) and ``"map"`` (N, 1, ...) of the image's size, 0 or more. The unit of the map is that
    of the log-odds of the class, log p / (1 - p), so that one threshold may serve many images. A map is as coarse as
    the layer, and interpolated linearly to the size of the image: where the locations of the layer lie is known of a
    `FeatureStack` and of its layers; those of another are spread evenly.

    Args:
        layer: dotted name of the layer in the network, which gives a feature map: ``"encoder.features"`` of an
            `InceptionResNetV1` in a `LatentCenterClassifier`, e.g. ``"encoder.features.12"`` for a finer map;
            ``"encoder.out_norm"`` of a `NoiseConditionedEncoder`.
        target: the class to look for; None: of each image the one it is called.
        weights: see `grad_cam`; not ``"mean"`` for a layer with instance normalization behind it, as all but the last
            ones of an `InceptionResNetV1` have.
        autocast: see `autocast_dtype`.

    Example::

        encoder = InceptionResNetV1(2, out_channels=16, width=0.125, blocks=(1, 1, 1), hidden=32, padding=True)
        network = LatentCenterClassifier(encoder, latent_dim=16).eval()
        found = ClassMapInferer(target=1)(torch.rand(1, 1, 70, 90), network)
        found["probability"], found["map"]  # (1, 2) and (1, 1, 70, 90)
    """

    def __init__(
        self,
        layer: str = "encoder.features",
        target: int | None = None,
        weights: str = "mean",
        autocast: str | None = "auto",
    ) -> None:
        super().__init__(autocast)
        self.layer = layer
        self.target = target
        self.weights = look_up_option(weights, WEIGHTS)

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> Results:
        """The fields of images (N, C, ...), with or without gradients around; none have any.

        Raises:
            AttributeError, ValueError: when the layer does not fit, see `grad_cam`.
            DataError: when an image or a result is not finite, or there is no class ``target``.
        """
        network = getattr(network, "module", network)  # DistributedDataParallel
        x = convert_to_tensor(inputs, track_meta=False)
        x = x.to(working_type(x, network))
        if bool((bad := ~x.isfinite().flatten(1).all(1)).any()):
            raise broken_inputs(x, bad, SliceNames(inputs))
        found: Results = {}

        def score() -> torch.Tensor:
            found.update(super(ClassMapInferer, self).__call__(x, network, *args, **kwargs))
            logits = found["logits"]
            return log_odds(logits, logits.argmax(1) if self.target is None else self.target)

        small = grad_cam(network, self.layer, score, self.weights)
        found = {name: value.detach() for name, value in found.items() if name != "centers"}
        found["probability"] = found["logits"].softmax(1)
        found["map"] = _enlarged(small, x.shape[2:], _grid(network, self.layer))
        self.check(found, x)
        if isinstance(inputs, MetaTensor):  # MONAI's Invertd needs the history of the input on the map
            found["map"] = MetaTensor(found["map"]).copy_meta_from(inputs)
        return found


def _grid(network: nn.Module, layer: str) -> tuple[float, int] | None:
    """Where the locations of a layer's output lie, see `FeatureStack.grid`; None: not known."""
    stack, _, number = layer.rpartition(".")
    if isinstance(module := network.get_submodule(layer), FeatureStack):
        return module.grid()
    if isinstance(module := network.get_submodule(stack), FeatureStack):
        return module.grid(int(number) + 1)
    return None


def _enlarged(x: torch.Tensor, size: Sequence[int], grid: tuple[float, int] | None) -> torch.Tensor:
    """A map (N, 1, ...) at the size of the image, linear between its locations and constant outside them."""
    for axis, (length, count) in enumerate(zip(size, x.shape[2:], strict=True), start=2):
        first, step = grid or ((length / count - 1) / 2, length / count)
        voxels, locations = (torch.arange(number, device=x.device, dtype=x.dtype) for number in (length, count))
        place = ((voxels - first) / step).clamp(0, count - 1)
        weights = F.relu(1 - (place - locations[:, None]).abs())  # (count, length)
        x = (x.movedim(axis, -1) @ weights).movedim(-1, axis)
    return x
