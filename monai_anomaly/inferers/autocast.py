# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from monai.inferers import Inferer

from ..utils import DataError, autocast_dtype

__all__ = ["AutocastInferer"]


class AutocastInferer(Inferer):
    """Call the network in mixed precision on whatever device the inputs are; the inferer of a trainer.

    MONAI's trainers know mixed precision on CUDA only, where float16 needs their gradient scaler; bfloat16 needs none.

    Args:
        autocast: see `autocast_dtype`.

    Example::

        logits = AutocastInferer("bfloat16")(torch.rand(2, 4), nn.Linear(4, 3))  # float32, computed in bfloat16
    """

    def __init__(self, autocast: str | None = "auto") -> None:
        super().__init__()
        self.autocast = autocast

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """``network(inputs, *args, **kwargs)`` in mixed precision; the result in float32, as a loss wants it.

        Raises:
            DataError: without gradients, when a result is not finite; with them the loss is looked at, by `FiniteLoss`.
        """
        dtype = autocast_dtype(self.autocast, inputs.device)
        with torch.autocast(inputs.device.type, dtype) if dtype else nullcontext():
            output = network(inputs, *args, **kwargs)
        output = _in_float32(output) if dtype else output
        if not torch.is_grad_enabled():
            self.check(output, inputs)
        return output

    def check(self, output: Any, inputs: torch.Tensor) -> None:
        """See that all tensors of a result are finite.

        Raises:
            DataError: when one is not.
        """
        if not all(bool(tensor.isfinite().all()) for tensor in _tensors(output)):
            dtype = autocast_dtype(self.autocast, inputs.device) or inputs.dtype
            raise DataError(
                f"expected finite results of the network, found NaN or infinity in {str(dtype).removeprefix('torch.')}"
                ": its weights are broken, or the precision is too low (then set autocast to float32)"
            )


def _in_float32(output: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return output.float()
    if isinstance(output, Mapping):
        return {name: _in_float32(o) for name, o in output.items()}
    return type(output)(_in_float32(o) for o in output) if isinstance(output, list | tuple) else output


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, Mapping | list | tuple):
        for part in output.values() if isinstance(output, Mapping) else output:
            yield from _tensors(part)
