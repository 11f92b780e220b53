# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from ignite.engine import Engine, Events

__all__ = ["MovingAverage"]


class MovingAverage:
    """Keep an exponential moving average of a network's weights in a second network, which is what is used afterward.

    Ignite's ``EMAHandler`` makes its own copy; here the copy is the caller's, so that a configuration can validate,
    save and resume it under a name of its own. Parts of the network that do not learn are copied: their weights may
    come from a file after the average was made.

    Args:
        source: the network in training (not wrapped for distributed training).
        average: a copy of it; put into evaluation mode, its parameters get no gradients.
        decay: share that the average keeps in each iteration (thesis: 0.9999). Early on it is (1 + n) / (10 + n) after
            n iterations where that is less, and 0 in the first, so that no start is averaged, neither a random one nor
            that of a network whose weights came from a file.
    """

    def __init__(self, source: torch.nn.Module, average: torch.nn.Module, decay: float = 0.9999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        self.source = source
        self.average = average.eval().requires_grad_(False)
        self.decay = decay

    def attach(self, engine: Engine) -> None:
        """Update after every iteration of a trainer."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    @torch.no_grad()
    def __call__(self, engine: Engine) -> None:
        """Move the average toward the source; floating-point buffers likewise, others are copied."""
        n = engine.state.iteration
        decay = min(self.decay, (1 + n) / (10 + n)) if n > 1 else 0.0
        still = tuple(f"{name}." for name, part in self.source.named_children() if _is_still(part))
        means: list[torch.Tensor] = []
        values: list[torch.Tensor] = []
        for (name, mean), value in zip(self.average.named_parameters(), self.source.parameters(), strict=True):
            if name.startswith(still):
                mean.copy_(value)
            else:
                means.append(mean)
                values.append(value)
        if means:
            torch._foreach_lerp_(means, values, 1 - decay)
        for (name, kept), current in zip(self.average.named_buffers(), self.source.buffers(), strict=True):
            # statistics of a batch normalization belong to the weights they came with
            if kept.is_floating_point() and not name.startswith(still):
                kept.lerp_(current.to(kept), 1 - decay)
            else:
                kept.copy_(current)


def _is_still(part: torch.nn.Module) -> bool:
    """Whether a part has weights and none of them learns."""
    weights = list(part.parameters())
    return bool(weights) and not any(p.requires_grad for p in weights)
