# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What a guide is given, looked at before it guides."""

from __future__ import annotations

from typing import Any

import torch

from ...utils import DataError

__all__ = ["as_target", "brain_of", "check_count", "check_mask", "check_whole", "usable"]


def usable(x: torch.Tensor) -> torch.Tensor:
    """A tensor that a gradient may be taken with: what was made in inference mode may not be."""
    with torch.inference_mode(False):
        return x.clone() if x.is_inference() else x.detach()


def as_target(value: Any) -> torch.Tensor | None:
    """A target as a tensor, () for all images or (N, ...); a number keeps its precision.

    Raises:
        DataError: when it is not numbers, or not finite ones.
    """
    if value is None:
        return None
    try:
        is_float = isinstance(value, float)
        target = usable(torch.as_tensor(value, dtype=torch.float64 if is_float else None, device=_device(value)))
    except (TypeError, ValueError, RuntimeError):
        raise DataError(f"expected a target of numbers, found {value!r}") from None
    if not bool(target.isfinite().all()):
        raise DataError(f"expected a finite target, found {target[~target.isfinite()].tolist()[:3]}")
    return target.byte() if target.dtype == torch.bool else target


def _device(value: Any) -> torch.device | str:
    return value.device if isinstance(value, torch.Tensor) else "cpu"


def brain_of(image: torch.Tensor | None, background: float) -> torch.Tensor:
    """Where clean images (N, C, ...) have a channel above the background; (N, ...) bool.

    Raises:
        ValueError: when there are no images.
        DataError: when one has no such pixel.
    """
    if image is None:
        raise ValueError("a guide that looks at the brain needs the clean images: bind(..., image=...)")
    brain = (image > background).any(1)
    if not bool(brain.flatten(1).any(1).all()):
        raise DataError(f"expected images with a pixel above the background {background:g}, found one without")
    return brain


def check_count(name: str, value: Any, x: torch.Tensor) -> None:
    """See that a tensor has an entry for each of the images x (N, C, ...), or one for all.

    Raises:
        DataError: when it has another number of them.
    """
    if isinstance(value, torch.Tensor) and value.ndim > 0 and len(value) not in (1, len(x)):
        raise DataError(f"expected a {name} for each of {len(x)} images, found one of shape {tuple(value.shape)}")


def check_mask(name: str, mask: torch.Tensor, image: torch.Tensor | None) -> None:
    """See that a mask (N, K, ...) lies on the grid of images (N, C, ...) and that its values are in [0, 1].

    Raises:
        DataError: when they do not, or it has another number of axes or images.
    """
    if image is not None:
        check_count(name, mask, image)
        if mask.shape[2:] != image.shape[2:] or mask.ndim != image.ndim:
            raise DataError(
                f"expected a {name} (N, channels, ...) on the images' grid {tuple(image.shape[2:])}, "
                f"found the shape {tuple(mask.shape)}"
            )
    low, high = (float(v) for v in mask.aminmax())
    if not (low >= 0 and high <= 1):
        raise DataError(f"expected a {name} of values in 0..1, found {low:g}..{high:g}")


def check_whole(name: str, values: torch.Tensor) -> tuple[int, int]:
    """The least and the greatest of values that number classes.

    Raises:
        DataError: when one is not a whole number.
    """
    if values.is_floating_point() and not bool((values == values.round()).all()):
        raise DataError(f"expected a {name} of whole numbers, found {values[values != values.round()].tolist()[:3]}")
    low, high = values.aminmax()
    return int(low), int(high)
