# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether weights were trained on the noise that they are to meet."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ..diffusion import NoiseSchedule
from ..utils import DataError
from .training_settings import object_settings

__all__ = ["check_schedule", "trained_level"]

TABLE = "schedule.alphas_cumprod"


def check_schedule(record: Mapping[str, Any], schedule: NoiseSchedule, level: float | None = None) -> None:
    """Compare what networks were trained on with the noise they are to be used on.

    Where the record does not tell the schedule, as of converted weights, a warning says so; levels above the highest
    that was trained bring a warning as well.

    Args:
        record: of the weights, see `read_model_record`.
        schedule: that they are used with.
        level: highest level that they are used at; None: not looked at.

    Raises:
        DataError: when they were trained with another schedule.
    """
    settings = (record["training"] or {}).get("settings", {})
    recorded = {place.removesuffix(TABLE): table for place, table in settings.items() if place.endswith(TABLE)}
    wanted = object_settings("schedule", schedule)[TABLE]
    if not recorded:
        warnings.warn(
            f"{record['file']}: it is not known which noise schedule these weights were trained with; taken to be the "
            f"configured one ({schedule})",
            stacklevel=2,
        )
    for place, table in recorded.items():
        if table != wanted:
            raise DataError(
                f"{record['file']}: expected weights trained with the configured noise schedule ({schedule}), found "
                f"some of another ({_described(settings, place)})"
            )
    highest = trained_level(record)
    if level is not None and highest is not None and level > highest:
        warnings.warn(
            f"{record['file']}: these weights were trained up to noise level {highest}, and are used up to {level:g}",
            stacklevel=2,
        )


def trained_level(record: Mapping[str, Any]) -> int | None:
    """The highest noise level that all parts of a network were trained on, or None where the record does not tell.

    Args:
        record: of the weights, see `read_model_record`.
    """
    training = record["training"] or {}
    own = [training.get("settings", {}).get(f"prepare_batch.{name}") for name in ("max_level", "task_max_level")]
    before = (training.get("pretrained") or {}).get("max_level")  # of parts that were taken as they are
    return min((level for level in (*own, before) if level is not None), default=None)


def _described(settings: Mapping[str, Any], place: str) -> str:
    """A recorded schedule in words, as far as the record has them."""
    steps, kind, ends = (
        settings.get(f"{place}schedule.{name}") for name in ("num_train_timesteps", "kind", "beta_range")
    )
    return f"T = {steps}" + (f", {kind}" if kind else "") + (f", betas {ends[0]:g} to {ends[1]:g}" if ends else "")
