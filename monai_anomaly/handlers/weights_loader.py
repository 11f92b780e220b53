# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from ..diffusion import NoiseSchedule
from ..networks.weights import load_weights
from ..utils import DataError, atomic_path, file_digest, read_model_record
from .target_range import check_targets
from .trained_schedule import check_schedule, trained_level

__all__ = ["WeightsLoader", "kept_name"]


def kept_name(path: Path) -> Path:
    """Where weights are kept that a training writes over."""
    return path.with_stem(f"{path.stem}_pretrained")


class WeightsLoader:
    """Bring the weights of a file into a network when an engine starts, or say why they do not fit.

    MONAI's ``CheckpointLoader`` with ``strict=False`` takes what fits, be it nothing, and says nothing. Here what was
    taken is logged, and ``engine.state.pretrained`` tells which file it was, and which parts of the network are new.

    Args:
        load_path: the weights, see :py:func:`monai_anomaly.networks.weights.load_weights`.
        network: on any device.
        strict: whether all tensors must be in both; False, for fine-tuning: at least one, and all of the network's
            ``frozen_parts``, see `GuidedDiffusionNet`.
        written_to: the file that the training will write; where it is the one that is read, that one is kept as
            ``<name>_pretrained.pt`` beside it.
        schedule: noise schedule that the weights are used with; None: not compared, see `check_schedule`.
        level: highest noise level that they are used at; None: not compared.
        targets: what is to be led to, by the name of what it is, see `check_targets`; None: not compared.
    """

    def __init__(
        self,
        load_path: str | os.PathLike,
        network: torch.nn.Module,
        strict: bool = True,
        written_to: str | os.PathLike | None = None,
        schedule: NoiseSchedule | None = None,
        level: float | None = None,
        targets: Mapping[str, Any] | None = None,
    ) -> None:
        self.load_path = Path(load_path)
        self.network = network
        self.strict = strict
        self.written_to = None if written_to is None else Path(written_to)
        self.schedule = schedule
        self.level = level
        self.targets = dict(targets or {})
        self.logger = logging.getLogger(__name__)

    def attach(self, engine: Engine) -> None:
        """Load when the engine starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Load.

        Raises:
            DataError: when the file is missing, is damaged or does not fit the network, was trained with another
                schedule, or other weights are kept under the name that these would be kept under.
        """
        if not self.load_path.is_file():
            raise DataError(
                f"{self.load_path}: expected the weights of a training, found no such file; train first, or name the "
                "folder that holds them with --ckpt_dir"
            )
        frozen = () if self.strict else getattr(self.network, "frozen_parts", ())
        match = load_weights(self.network, self.load_path, self.strict, whole=frozen)
        pretrained: dict[str, Any] = {"file": self.load_path.name, "sha256": file_digest(self.load_path)}
        pretrained["new"] = list(match.new_parts)
        record = read_model_record(self.load_path)
        training = record["training"] or {}
        if training.get("note"):
            pretrained["note"] = training["note"]
        self.logger.info("weights: %s%s", self.load_path, _described(training))
        check_targets(record, self.targets)
        if self.schedule is not None:
            check_schedule(record, self.schedule, self.level)
            pretrained["max_level"] = trained_level(record)
        setattr(engine.state, "pretrained", pretrained)  # noqa: B010  (ignite's state takes any attribute)
        if not self.strict:
            self.logger.info("%s: %s", self.load_path, match)
        if self.written_to is not None and self.written_to.resolve() == self.load_path.resolve():
            self._keep()

    def _keep(self) -> None:
        """Copy the file that the training will write over, once."""
        kept = kept_name(self.load_path)
        if not kept.exists():
            with atomic_path(kept) as temporary:
                shutil.copyfile(self.load_path, temporary)
        elif file_digest(kept) != file_digest(self.load_path):
            raise DataError(
                f"{kept}: expected no file or the weights of {self.load_path}, which the training will write over, "
                "found others; move one of them away, or train into another --ckpt_dir and name the weights to start "
                "from with --pretrained"
            )
        self.logger.info("%s will be written over; what it holds now is kept as %s", self.load_path, kept)


def _described(training: Mapping[str, Any]) -> str:
    """What a person should know of the weights."""
    settings = training.get("settings") or {}
    known = {"epoch": training.get("epoch"), "seed": settings.get("seed"), "of": (training.get("date") or "")[:10]}
    words = [training.get("note"), *(f"{name} {value}" for name, value in known.items() if value not in (None, ""))]
    return f" ({', '.join(word for word in words if word)})" if any(words) else ""
