# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["image_statistics"]


@contextmanager
def image_statistics(network: nn.Module) -> Iterator[None]:
    """Within it, batch normalization normalizes by the statistics of the images it is given and learns none.

    The published evaluation of DeScarGAN leaves the generator in training mode and gives it one image at a time, which
    also moves its running statistics. Here nothing moves: running statistics, the count of batches and the modes of
    all modules are untouched, also after an error. Other layers, dropout among them, keep the mode they are in. A layer
    that is given a single value per channel raises, as in training.

    The result for an image depends on the others of its batch. Not for threads that share a network.

    Args:
        network: in any mode; its layers of ``BatchNorm1d``, ``2d``, ``3d`` and ``SyncBatchNorm`` are used.
    """
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    before = [(layer.training, layer.track_running_stats) for layer in layers]
    try:
        for layer in layers:
            # a training layer that does not track is not handed its running statistics at all
            layer.training, layer.track_running_stats = True, False
        yield
    finally:
        for layer, (training, tracking) in zip(layers, before, strict=True):
            layer.training, layer.track_running_stats = training, tracking
