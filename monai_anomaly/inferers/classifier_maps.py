# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from .grad_cam import grad_cam, log_odds
from .slicewise import Results
from .slicewise_map import SlicewiseMapInferer

__all__ = ["GradCAMInferer", "SaliencyMapInferer"]


def clean_log_odds(classifier: nn.Module, x: torch.Tensor, target: int) -> torch.Tensor:
    """The log-odds (N,) of the target class for clean images (N, C, H, W), by a noise-conditioned classifier."""
    return log_odds(classifier(x, timesteps=torch.zeros(len(x), device=x.device, dtype=torch.long)), target)


class SaliencyMapInferer(SlicewiseMapInferer):
    """Saliency: |gradient of the diseased class' log-odds by the image|, summed over the channels (thesis ch. 4.2.3).

    The result is ``{"map": (N, 1, ...)}``. The parameters get no gradients. Source: Simonyan et al.
    (https://arxiv.org/abs/1312.6034), section 3; for the log-odds in place of the logit see `log_odds`.

    Args:
        target: the diseased class.
        kwargs: see `SlicewiseInferer`.

    Example::

        encoder = NoiseConditionedEncoder(2, 1, 2, (8, 8), 1, (False, False), 8, 8, pool="local")
        network = GuidedDiffusionNet(nn.Identity(), classifier=encoder)
        anomaly_map = SaliencyMapInferer()(torch.rand(2, 1, 16, 16), network)["map"]  # (2, 1, 16, 16)
    """

    def __init__(self, target: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        """The map of slices (N, C, H, W), padded; the network has ``classifier``."""
        with torch.inference_mode(False), torch.enable_grad():
            x = x.clone().requires_grad_()  # before padding: the repeated edge is a part of the image
            odds = clean_log_odds(network.classifier, self.pad(x), self.target)
            (gradient,) = torch.autograd.grad(odds.sum(), x)
        return {"map": gradient.abs().sum(1, keepdim=True)}


class GradCAMInferer(SlicewiseMapInferer):
    """Grad-CAM: a layer's activations, weighted by their mean gradients, summed, and rectified (thesis ch. 4.2.3).

    Of the log-odds of the diseased class, see `grad_cam`, interpolated to the image's size. The result is
    ``{"map": (N, 1, ...)}``. Source: Selvaraju et al. (https://arxiv.org/abs/1610.02391), eqs. 1-2.

    Args:
        layer: dotted name of the layer in the classifier; in each member of a `ClassifierEnsemble`, whose mean it is.
        target: the diseased class.
        kwargs: see `SlicewiseInferer`.

    Example::

        encoder = NoiseConditionedEncoder(2, 1, 2, (8, 8), 1, (False, False), 8, 8, pool="local")
        network = GuidedDiffusionNet(nn.Identity(), classifier=encoder)
        anomaly_map = GradCAMInferer(layer="out_norm")(torch.rand(2, 1, 16, 16), network)["map"]  # (2, 1, 16, 16)
    """

    def __init__(self, layer: str = "out_norm", target: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = layer
        self.target = target

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        """The map of slices (N, C, H, W), padded; the network has ``classifier``."""
        x, classifier = self.pad(x), network.classifier
        cams = [
            grad_cam(member, self.layer, partial(clean_log_odds, member, x, self.target))
            for member in getattr(classifier, "members", [classifier])
        ]
        return {"map": F.interpolate(torch.stack(cams).mean(0), size=x.shape[2:], mode="bilinear", align_corners=False)}
