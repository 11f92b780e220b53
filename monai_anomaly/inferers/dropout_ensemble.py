# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from ..utils import hashed_seed
from .segmentation import SlicewiseSegmentationInferer
from .single_pass import region_activation

__all__ = ["DropoutEnsembleInferer", "dropout_layers", "fixed_dropout"]

CHANNELWISE = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


def dropout_layers(network: nn.Module) -> list[_DropoutNd]:
    """The dropout layers of a network that drop anything, in the order of its modules."""
    return [m for m in network.modules() if isinstance(m, (nn.Dropout, *CHANNELWISE)) and m.p > 0]


class _Mask:
    """Forward hook that puts a dropout layer's input through a mask of the generator's, one for the whole batch."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def __call__(self, layer: _DropoutNd, args: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        x = args[0]
        shape = x.shape[1:2] + (1,) * (x.ndim - 2) if isinstance(layer, CHANNELWISE) else x.shape[1:]
        keep = 1 - layer.p
        mask = torch.rand(shape, generator=self.generator) < keep
        return x * mask.to(x.device) / max(keep, 1e-6)  # p = 1 drops everything


@contextmanager
def fixed_dropout(network: nn.Module, seed: int, sample: int) -> Iterator[None]:
    """Within it, a network in evaluation mode drops activations, and always the same ones.

    Only the dropout layers are touched: batch normalization keeps its stored statistics. The masks depend on the
    seed, the number of the sample, the layer and the size of the image, and are the same for all images of a batch.

    Args:
        network: in evaluation mode; its layers of types ``Dropout`` and ``Dropout1d``, ``2d``, ``3d`` are used.
        seed: of the ensemble.
        sample: number of its member.
    """
    with ExitStack() as stack:
        for number, layer in enumerate(dropout_layers(network)):
            generator = torch.Generator().manual_seed(hashed_seed(seed, sample, number))
            stack.callback(layer.register_forward_hook(_Mask(generator)).remove)
        yield


class DropoutEnsembleInferer(SlicewiseSegmentationInferer):
    """Monte Carlo dropout: each sample of the mask is a pass with other activations dropped.

    Gal & Ghahramani (https://arxiv.org/abs/1506.02142); for segmentation Kendall et al., "Bayesian SegNet"
    (https://arxiv.org/abs/1511.02680). The spread of the samples is the uncertainty of the weights.

    Args:
        activation: see `region_activation`.
        kwargs: see `SlicewiseSegmentationInferer`; ``seed`` is that of what is dropped.

    Raises:
        ValueError: when the activation is unknown.

    Example::

        network = SegNet(2, 4, 1, channels=(4, 8), num_convs=(1, 1), dropout=0.5).eval()
        found = DropoutEnsembleInferer(num_samples=5, divisor=4)(torch.rand(2, 4, 16, 16), network)
        found["mean"], found["variance"]  # each (2, 1, 16, 16)
    """

    def __init__(self, activation: str = "sigmoid", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = region_activation(activation)

    @property
    def slices_at_a_time(self) -> int:
        """A whole batch: a pass is of one sample."""
        return self.batch_size

    def draw(self, x: torch.Tensor, network: nn.Module, samples: range) -> torch.Tensor:
        """Samples (N, len(samples), K, H, W), one pass each.

        Raises:
            ValueError: when the network has no dropout layer.
        """
        if not dropout_layers(network):
            raise ValueError(f"expected dropout layers with p > 0, found none in {type(network).__name__}")
        drawn = []
        for sample in samples:
            with fixed_dropout(network, self.seed, sample):
                drawn.append(self.activation(network(x).float()))
        return torch.stack(drawn, dim=1)
