# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch.optim.lr_scheduler import ConstantLR, LambdaLR, LRScheduler

from ..utils import DataError, atomic_torch_save, file_digest, load_tensors, write_model_record
from .target_range import RANGES
from .trained_on import about_training, brief, changes
from .weights_loader import WeightsLoader, kept_name

__all__ = ["TrainingState"]

ANYWAY = "anyway"
SHOWN = 4


class TrainingState:
    """Save a training after every epoch, resume it where the last one ended, and keep the best model's weights.

    Both files are written beside their name and renamed, so that a kill at any moment leaves whole files and costs at
    most the epoch it fell in. The number of epochs may change: a learning-rate schedule that is a function of the
    step (``LambdaLR``, MONAI's ``WarmupCosineSchedule``) continues from its step with its new length. What the
    optimizer learned is resumed; its settings, the learning rate among them, are the present ones.

    The state keeps what it was trained on, see `about_training`: a start with another seed, other data or other
    settings, or from other weights, is refused, and so is a damaged file; other versions of the code are noted. The
    best model's weights get the same beside them, as JSON, with what `TargetRange` saw.

    Args:
        path: the state: networks, optimizer, learning-rate schedule, epoch, best metric.
        objects: what to save, by name, ``network`` among it; each has ``state_dict`` and ``load_state_dict``.
        best_path: where the weights of ``best_model`` go when the validation metric is the best so far (a bare state
            dict, as bundles want it); None for none.
        best_model: the network whose weights these are (e.g. the moving average).
        evaluator: the validation evaluator, an ignite engine; its ``state.best_metric_epoch`` decides. Attach this
            handler after the ``ValidationHandler``.
        resume: False starts anew and overwrites; ``"anyway"`` resumes whatever changed, and notes it.
        save: False only resumes; for the other processes of a distributed run.
        settings: what decides the training and cannot be read from the trainer, by the names users give it.
        pretrained: weights that a training which is not resumed starts from, as far as they fit ``network``, see
            `WeightsLoader`; one that is resumed must have begun with them. None: it starts as ``network`` is, or as it
            began. A network with ``frozen_parts`` (`GuidedDiffusionNet`) needs them, of the batches' noise schedule.
            ``engine.state.pretrained`` tells other handlers which file it was.

    Raises:
        ValueError: when ``resume`` is something else.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        objects: dict[str, Any],
        best_path: str | os.PathLike | None = None,
        best_model: torch.nn.Module | None = None,
        evaluator: Any = None,
        resume: bool | str = True,
        save: bool = True,
        settings: Mapping[str, Any] | None = None,
        pretrained: str | os.PathLike | None = None,
    ) -> None:
        if resume not in (True, False, ANYWAY):
            raise ValueError(f"resume must be True, False or {ANYWAY!r}, got {resume!r}")
        self.path = Path(path)
        self.objects = objects
        self.best_path = best_path
        self.best_model = best_model
        self.evaluator = evaluator
        self.resume = resume
        self.save_files = save
        self.settings = dict(settings or {})
        self.pretrained = None if pretrained is None else Path(pretrained)
        self.about: dict[str, Any] = {}
        self.logger = logging.getLogger(__name__)

    def attach(self, engine: Engine) -> None:
        """Load when the trainer starts, save when an epoch is completed."""
        engine.add_event_handler(Events.STARTED, self.start)
        if self.save_files:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self.save)

    def save(self, engine: Engine) -> None:
        """Write the state and, after the best validation so far, the model."""
        state: dict[str, Any] = {
            "epoch": engine.state.epoch,
            "epoch_length": engine.state.epoch_length,
            "about": self.about,
            "objects": {name: item.state_dict() for name, item in self.objects.items()},
        }
        if self.evaluator is not None:
            state["best_metric"] = float(self.evaluator.state.best_metric)
            state["best_metric_epoch"] = self.evaluator.state.best_metric_epoch
            # equal only if the validation has just run, and was the best
            best_now = self.evaluator.state.best_metric_epoch == engine.state.epoch
            if best_now and self.best_path is not None and self.best_model is not None:
                atomic_torch_save(self.best_path, self.best_model.state_dict())
                seen = {"targets": ranges} if (ranges := getattr(engine.state, RANGES, None)) else {}
                write_model_record(self.best_path, {"epoch": engine.state.epoch, **seen, **brief(self.about)})
        atomic_torch_save(self.path, state)

    def start(self, engine: Engine) -> None:
        """Record what is trained on, and resume from the saved state if there is one that may be resumed; else begin.

        An engine that has trained already, and is run for further epochs, goes on with the weights that it has.

        Raises:
            DataError: when the file is damaged or belongs to another training, or weights to start from do not fit.
        """
        if engine.state.iteration > 0:  # run again in this process, as a federated client: what it was given stays
            return
        goes_on = bool(self.resume) and self.path.exists()
        if not goes_on:
            self._begin(engine)
        schedules = [item for item in self.objects.values() if isinstance(item, LRScheduler)]
        self.about = about_training(engine, self.evaluator, schedules, self.settings)
        if goes_on:
            self._load(engine)

    def _begin(self, engine: Engine) -> None:
        """Take the weights to start from, which must hold all parts of the network that are not trained."""
        network = self.objects["network"]
        frozen = getattr(network, "frozen_parts", ())
        if self.pretrained is not None:
            noise: dict[str, Any] = {}
            if frozen:  # what learns on may learn another schedule
                batch = getattr(engine, "prepare_batch", None)
                noise = {"schedule": getattr(batch, "schedule", None), "level": getattr(batch, "max_level", None)}
            written_to = self.best_path if self.save_files else None
            WeightsLoader(self.pretrained, network, strict=False, written_to=written_to, **noise)(engine)
        elif frozen:
            raise DataError(
                f"expected weights of {', '.join(frozen)}, which this training does not train, found no file to take "
                "them from: name it with --pretrained"
            )

    def _load(self, engine: Engine) -> None:
        advice = "remove it, or pass --resume False, to train anew"
        try:
            state = load_tensors(self.path)
        except DataError as error:
            reason = str(error).removeprefix(f"{self.path}: ")
            raise DataError(
                f"{self.path}: expected a training state, found a damaged file ({reason}); {advice}"
            ) from error
        expected, found = sorted(self.objects), sorted(state.get("objects", ()) if isinstance(state, dict) else ())
        if found != expected:
            raise DataError(f"{self.path}: expected the state of {expected}, found {found}; {advice}")
        self._compare(state)
        if state["epoch_length"] != engine.state.epoch_length:
            raise DataError(
                f"{self.path}: expected epochs of {engine.state.epoch_length} iterations, found "
                f"{state['epoch_length']}: the data or the batch size changed; {advice}"
            )
        for name, item in self.objects.items():
            try:
                item.load_state_dict(_continued(item, state["objects"][name]))
            except (RuntimeError, ValueError, KeyError) as error:
                raise DataError(
                    f"{self.path}: '{name}' does not fit this configuration ({_brief(error)}); {advice}"
                ) from error
        engine.state.epoch = state["epoch"]
        engine.state.iteration = state["epoch"] * engine.state.epoch_length
        setattr(engine.state, "pretrained", self.about["pretrained"])  # noqa: B010  (ignite's state takes any attribute)
        if self.evaluator is not None and "best_metric" in state:
            self.evaluator.state.best_metric = state["best_metric"]
            self.evaluator.state.best_metric_epoch = state["best_metric_epoch"]
        self.logger.info("resumed %s after epoch %d of %d", self.path, state["epoch"], engine.state.max_epochs)

    def _compare(self, state: Mapping[str, Any]) -> None:
        """Refuse a state of another training, or note the changes."""
        before = state.get("about")
        if before is None:
            self.logger.warning(
                "%s is of an older version and does not tell seed, data and settings: take care that they are the same",
                self.path,
            )
            self.about["changes"] = [f"up to epoch {state['epoch']}: unknown"]
            return
        changed, harmless = changes(before, self.about)
        changed = [*self._other_start(before["pretrained"]), *changed]
        if changed and self.resume != ANYWAY:
            raise DataError(
                f"{self.path}: expected a training with the same seed, data and settings, found other ones "
                f"({_listed(changed)}); --resume False trains anew and overwrites it "
                "(other ways: docs/how-to/resume-and-many-gpus.md)"
            )
        if changed:
            self.logger.warning("%s: resumed with other seed, data or settings: %s", self.path, "; ".join(changed))
        if harmless:
            self.logger.warning("%s: resumed with another version of the code: %s", self.path, "; ".join(harmless))
        told = [*changed, _listed(harmless)] if harmless else changed
        noted = [f"after epoch {state['epoch']}: {change}" for change in told]
        kept = {key: before[key] for key in ("pretrained", "date")}
        self.about |= {**kept, "changes": [*before["changes"], *noted]}

    def _other_start(self, before: Mapping[str, str] | None) -> list[str]:
        """The weights that the training is said to start from, if it began with others."""
        if self.pretrained is None:
            return []
        # weights that the training wrote over are kept under the other name
        files = [path for path in (self.pretrained, kept_name(self.pretrained)) if path.is_file()]
        if before is not None and any(file_digest(path) == before["sha256"] for path in files):
            return []
        return [f"pretrained {before['file'] if before else 'none'} -> {self.pretrained}"]


def _continued(item: Any, saved: dict[str, Any]) -> dict[str, Any]:
    """What to load into an object: where a training stands, not how it was set.

    Of a schedule that is a function of the step its step alone; of an optimizer what it learned, and which share of the
    rate it had come to.
    """
    if isinstance(item, (LambdaLR, ConstantLR)):
        return {**item.state_dict(), **{key: saved[key] for key in ("last_epoch", "_step_count", "_last_lr")}}
    if isinstance(item, LRScheduler):
        return {**saved, "base_lrs": item.base_lrs}
    if not isinstance(item, torch.optim.Optimizer):
        return saved
    groups = []
    for own, before in zip(item.param_groups, saved["param_groups"], strict=False):
        share = before["lr"] / before["initial_lr"] if before.get("initial_lr") else 1.0
        rate = own.get("initial_lr", own["lr"]) * share
        groups.append({**before, **own, "lr": rate, "params": before["params"]})
    # of other groups the optimizer says what does not fit
    return {**saved, "param_groups": [*groups, *saved["param_groups"][len(groups) :]]}


def _listed(changes: Sequence[str]) -> str:
    return "; ".join(changes[:SHOWN]) + (f"; and {len(changes) - SHOWN} more" if len(changes) > SHOWN else "")


def _brief(error: Exception) -> str:
    """The first lines of an error: a network that does not fit has one for every layer."""
    return " ".join(line.strip() for line in str(error).splitlines()[:2])
