# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from monai.handlers import MLFlowHandler

__all__ = ["tracked_handlers"]


def tracked_handlers(handlers: Iterable[Any]) -> list[Any]:
    """A trainer's handlers, of which MONAI's ``--tracking mlflow`` may have added one.

    That one reads the loss from a decollated batch, a list; of the dictionary that a trainer gives with
    ``decollate=False`` it gets a tuple of one, which MLflow cannot log. Here it gets the loss.

    Args:
        handlers: any handlers; those that are no ``MLFlowHandler`` stay as they are.
    """
    listed = list(handlers)
    for handler in listed:
        if isinstance(handler, MLFlowHandler):
            handler.output_transform = _unpacked(handler.output_transform)
    return listed


def _unpacked(transform: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(output: Any) -> Any:
        value = transform(output)
        return value[0] if isinstance(value, tuple) and len(value) == 1 else value

    return call
