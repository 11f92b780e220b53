# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM: which places of a feature map speak for a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.utils import look_up_option
from torch import nn
from torch.nn import functional as F

from ..utils import check_class_logits
from .finite import nan_where_infinite

__all__ = ["WEIGHTS", "grad_cam", "log_odds"]

WEIGHTS = ("mean", "local", "positive")
"""Of the activations of a layer, see `grad_cam`."""


def log_odds(logits: torch.Tensor, target: int | torch.Tensor) -> torch.Tensor:
    """log p / (1 - p) (N,) of a class, one for all images or one for each (N,), from logits (N, K).

    For two classes the difference of the logits. Unlike p or log p it does not saturate, so that the gradients of sure
    and unsure images compare; unlike one logit it does not depend on what the softmax ignores.

    Raises:
        DataError: when there are fewer than two classes, or not the target.
    """
    check_class_logits(logits, target)
    chosen = torch.as_tensor(target, device=logits.device).expand(len(logits))[:, None]
    others = logits.scatter(1, chosen, -torch.inf).logsumexp(1)
    return logits.gather(1, chosen)[:, 0] - others


def grad_cam(network: nn.Module, layer: str, score: Callable[[], torch.Tensor], weights: str = "mean") -> torch.Tensor:
    """A layer's activations, weighted by their gradients, summed, and rectified: (N, 1, ...), of the layer's size.

    With A_k the activations of channel k and y the score, the map at location p is ``relu(sum_k w_k(p) A_k(p))``, NaN
    where it is not finite. The weights are

    * ``"mean"``: the mean of dy / dA_k over all locations (Selvaraju et al., https://arxiv.org/abs/1610.02391,
      Grad-CAM, eqs. 1-2);
    * ``"local"``: dy / dA_k(p) itself (Draelos & Carin, https://arxiv.org/abs/2011.08891, HiResCAM);
    * ``"positive"``: the same where it is above 0 (Jiang et al., https://doi.org/10.1109/TIP.2021.3089943, LayerCAM).

    Instance normalization behind the layer takes away what a channel has in common at all locations: of a mean gradient
    only that is left which went around it, or came of padding, and the map says little. There take another one.

    MONAI's ``GradCAM`` rescales every image to [0, 1], which forbids a common threshold, and leaves its hooks on the
    network and gradients in its parameters; this one does not. What comes before the layer is computed without
    gradients, so that the memory is that of inference; parameters may be frozen.

    Args:
        network: has the layer.
        layer: its dotted name.
        score: runs the network once and gives y (N,), e.g. `log_odds`.
        weights: ``"mean"``, ``"local"`` or ``"positive"``.

    Raises:
        AttributeError: when the network has no such layer.
        ValueError: when the layer gives no feature map, or does not run exactly once, or the weights are unknown.
    """
    weights = look_up_option(weights, WEIGHTS)
    kept: list[torch.Tensor] = []

    def keep(module: nn.Module, args: Any, output: Any) -> torch.Tensor:
        if not isinstance(output, torch.Tensor) or output.ndim < 3:
            raise ValueError(f"expected a layer that gives a feature map (N, C, ...), {layer!r} gives none")
        kept.append(output.detach().requires_grad_())
        torch.set_grad_enabled(True)  # for what follows; no_grad below puts it back
        return kept[-1].clone()  # what follows may work in place

    hook = network.get_submodule(layer).register_forward_hook(keep)
    try:
        with torch.inference_mode(False), torch.no_grad():
            y = score()
            if len(kept) != 1:
                raise ValueError(f"expected a layer that runs once, {layer!r} runs {len(kept)} times")
            (gradient,) = torch.autograd.grad(y.sum(), kept)
    finally:
        hook.remove()
    (activation,) = (a.detach().to(torch.promote_types(a.dtype, torch.float32)) for a in kept)
    gradient = gradient.to(activation)
    if weights == "mean":
        gradient = gradient.mean(dim=tuple(range(2, gradient.ndim)), keepdim=True)
    elif weights == "positive":
        gradient = gradient.relu()
    return F.relu(nan_where_infinite((gradient * activation).sum(1, keepdim=True)))
