# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import torch

__all__ = ["CountCalls"]


class CountCalls:
    """Count, while a ``with`` block runs, the samples that go through a network.

    Args:
        network: what to watch.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network
        self.samples = 0

    def __enter__(self) -> CountCalls:
        self._hook = self.network.register_forward_pre_hook(self._count)
        return self

    def __exit__(self, *error: Any) -> None:
        self._hook.remove()

    def _count(self, module: torch.nn.Module, inputs: tuple) -> None:
        self.samples += len(inputs[0])
