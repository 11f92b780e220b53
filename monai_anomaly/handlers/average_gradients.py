# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents
from monai.utils import AdversarialIterationEvents as Adversarial
from torch import nn

from ..utils import process_count

__all__ = ["AverageGradients"]


class AverageGradients:
    """Train on several processes at a time: each has its own batches, the gradients are the mean of all.

    ``DistributedDataParallel`` does the same for one network that is called once and differentiated once. It supports
    neither the second derivative of a gradient penalty nor a network that is judged through another one. Where a loss
    is a mean over the images, n processes with batches of N images train as one with n N. Buffers of floating point,
    such as the running statistics of a batch normalization, become the mean of all too, so that all processes validate
    the network that one of them saves; the normalization in training is by each process' own batch. Does nothing in a
    single process.

    Args:
        networks: the network in training, or several.
    """

    def __init__(self, networks: nn.Module | Sequence[nn.Module]) -> None:
        self.networks = [networks] if isinstance(networks, nn.Module) else list(networks)
        self.started = False

    def attach(self, engine: Engine) -> None:
        """Average after each backward pass: of the generator and the discriminator where the trainer has a pass for
        each (`CriticTrainer`), else of the whole."""
        engine.add_event_handler(Events.STARTED, self.reset)
        engine.add_event_handler(Events.EPOCH_STARTED, self.equalize)
        if engine.has_registered_events(Adversarial.GENERATOR_BACKWARD_COMPLETED):
            engine.add_event_handler(Adversarial.GENERATOR_BACKWARD_COMPLETED, self.average, "generator")
            engine.add_event_handler(Adversarial.DISCRIMINATOR_BACKWARD_COMPLETED, self.average, "discriminator")
        else:
            engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self.average)

    def reset(self, engine: Engine) -> None:
        """A run begins."""
        self.started = False

    @torch.no_grad()
    def equalize(self, engine: Engine) -> None:
        """Give all processes the weights and buffers of the first one, once per run: when its first epoch starts, after
        any handler has loaded a state."""
        if self.started or process_count() == 1:
            return
        self.started = True
        for network in self.networks:
            for tensor in (*network.parameters(), *network.buffers()):
                dist.broadcast(tensor.data, src=0)

    @torch.no_grad()
    def average(self, engine: Engine, part: str | None = None) -> None:
        """Replace the gradients by their mean over the processes; a parameter without one counts 0.

        Args:
            engine: the trainer.
            part: name of the only part of the networks that has new gradients; None for all of it.
        """
        if process_count() == 1:
            return
        modules: Iterable[Any] = (getattr(network, part, network) if part else network for network in self.networks)
        parameters = [p for module in modules for p in module.parameters()]
        missing = [p.grad is None for p in parameters]
        # one buffer with all gradients, and how many have each: the processes must make the same calls
        had = torch.tensor(missing, device=parameters[0].device).logical_not().to(parameters[0].dtype)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([g.reshape(-1) for g in [*gradients, had]])
        dist.all_reduce(flat)
        *means, had = (flat / process_count()).split([p.numel() for p in parameters] + [len(parameters)])
        nowhere = had.eq(0).tolist() if any(missing) else [False] * len(parameters)
        for p, mean, unused in zip(parameters, means, nowhere, strict=True):
            if not unused:
                p.grad = mean.view_as(p).to(p.dtype)
        self._average_buffers()

    def _average_buffers(self) -> None:
        """Replace the floating-point buffers of all networks, which any forward pass may have moved, by their mean."""
        buffers = [b for network in self.networks for b in network.buffers() if b.is_floating_point()]
        if not buffers:
            return
        # in float64 the mean of equal numbers is that number: constants stay
        flat = torch.cat([b.reshape(-1).double() for b in buffers])
        dist.all_reduce(flat)
        for b, mean in zip(buffers, (flat / process_count()).split([b.numel() for b in buffers]), strict=True):
            b.copy_(mean.view_as(b))
