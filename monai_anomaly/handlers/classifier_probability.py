# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from monai.utils import convert_to_tensor

from ..utils import DataError, check_class_logits

__all__ = ["ClassifierProbability"]


class ClassifierProbability:
    """Add a network's own verdict on the clean images to an evaluator's output: 1 - p(healthy), under ``probability``,
    in float64.

    Args:
        network: has ``classify``, called as ``classify(x)`` with images (N, C, H, W); gives logits (N, K).
        healthy: the healthy class.
        slice_range: first and one past the last slice of a volume that count, those the classifier was trained on;
            None: all.
    """

    def __init__(self, network: Any, healthy: int = 0, slice_range: Sequence[int] | None = None) -> None:
        self.network = network
        self.healthy = healthy
        self.slice_range = slice_range

    def attach(self, engine: Engine) -> None:
        """Classify every batch as soon as it is translated."""
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Engine) -> None:
        """Classify the engine's images (N, C, H, W), or volumes (N, C, X, Y, Z) by their highest slice along the last
        axis. Slices of one intensity do not count, as nothing is found in them; a batch with a volume that has no other
        slice in the range gets no probabilities.

        Raises:
            DataError: when the logits are not finite, or of one class, which is always certain.
        """
        output: Any = engine.state.output
        image = convert_to_tensor(output["image"], track_meta=False)
        if image.ndim == 5:
            slices = image[..., slice(*(self.slice_range or (None,)))].movedim(-1, 1)
            low, high = slices.flatten(2).aminmax(dim=2)
            some = ~(high == low)  # (N, Z); NaN is no single intensity
            if not bool(some.any(1).all()):
                return
            x = slices[some]
        else:
            some = torch.ones(len(image), 1, dtype=torch.bool, device=image.device)
            x = image
        network = getattr(self.network, "module", self.network)
        logits = network.classify(x)
        check_class_logits(logits)
        of = torch.nonzero(some)[:, 0]  # the image of each slice
        broken = of[~logits.isfinite().all(1)].unique().tolist()
        if broken:
            raise DataError(
                f"expected finite logits of the classifier, found NaN or infinity in those of the batch's images "
                f"{broken}: its weights are broken"
            )
        # in float64, and not 1 - p: where the classifier is sure, images would have the same rank
        diseased = [c for c in range(logits.shape[1]) if c != self.healthy]
        probability = logits.double().softmax(1)[:, diseased].sum(1)
        output["probability"] = probability.new_zeros(len(image)).scatter_reduce(0, of, probability, "amax")
