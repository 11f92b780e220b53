# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ..utils import check_class_logits
from .finite import nan_where_infinite
from .slicewise import Results, SlicewiseMapInferer

__all__ = ["GradCAMInferer", "SaliencyMapInferer"]


def log_odds(classifier: nn.Module, x: torch.Tensor, target: int) -> torch.Tensor:
    """log p / (1 - p) (N,) of the target class for clean images (N, C, H, W), by a noise-conditioned classifier.

    For two classes the difference of the logits. Unlike p or log p it does not saturate, so that the gradients of sure
    and unsure images compare; unlike one logit it does not depend on what the softmax ignores.
    """
    logits = classifier(x, timesteps=torch.zeros(len(x), device=x.device, dtype=torch.long))
    check_class_logits(logits, target)
    others = torch.cat([logits[:, :target], logits[:, target + 1 :]], dim=1)
    return logits[:, target] - others.logsumexp(1)


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
        x = self.pad(x).detach()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(log_odds(network.classifier, x.requires_grad_(), self.target).sum(), x)
        return {"map": gradient.abs().sum(1, keepdim=True)}


class GradCAMInferer(SlicewiseMapInferer):
    """Grad-CAM: a layer's activations, weighted by their mean gradients, summed, and rectified (thesis ch. 4.2.3).

    With A_k the activations of channel k and y the log-odds of the diseased class, the map is
    ``relu(sum_k mean_p(dy / dA_k(p)) A_k)``, interpolated to the image's size. The result is
    ``{"map": (N, 1, ...)}``. MONAI's ``GradCAM`` rescales every image to [0, 1], which forbids a common threshold, and
    leaves its hooks on the network and gradients in its parameters; this one does not. Source: Selvaraju et al.
    (https://arxiv.org/abs/1610.02391), eqs. 1-2.

    Args:
        layer: dotted name of the layer in the classifier.
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
        x = self.pad(x).detach()
        kept: list[torch.Tensor] = []
        hook = network.classifier.get_submodule(self.layer).register_forward_hook(
            lambda module, args, output: kept.append(output)
        )
        try:
            with torch.enable_grad():
                # the image asks for gradients because the parameters may be frozen
                odds = log_odds(network.classifier, x.requires_grad_(), self.target).sum()
                (gradient,) = torch.autograd.grad(odds, kept[0])
        finally:
            hook.remove()
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        cam = F.relu(nan_where_infinite((weights * kept[0].detach()).sum(1, keepdim=True)))
        return {"map": F.interpolate(cam, size=x.shape[2:], mode="bilinear", align_corners=False)}
