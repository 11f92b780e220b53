# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["frozen"]


@contextmanager
def frozen(network: Any) -> Iterator[None]:
    """Inside the block the weights of a network get no gradients, which saves half of the backward pass and its memory.

    What was frozen before stays so. A function that is no module has no weights to freeze.

    Example::

        network, x = torch.nn.Linear(2, 1), torch.ones(1, 2, requires_grad=True)
        with frozen(network):
            network(x).sum().backward()
        assert x.grad is not None and network.weight.grad is None
    """
    parameters = network.parameters() if isinstance(network, torch.nn.Module) else ()
    learning = [p for p in parameters if p.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
