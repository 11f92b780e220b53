# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events

from ..evaluation import Cases, CollectCases
from ..evaluation.disease import diseased, healthy
from ..evaluation.scorers import true_differences
from ..evaluation.scorers.diagnosis import CUT
from ..metrics import average_otsu, dice_per_slice, mean_squared_error
from ..utils import DataError, atomic_write

__all__ = ["TranslationCurve"]


class TranslationCurve:
    """Score the translation at intervals during the training; each time adds a row to ``curve.json``.

    A row has ``iteration``, ``minutes`` (validation included, these evaluations not; after an interruption those
    between the last row and the saved epoch are missing), and of the images: ``dice`` at the threshold of thesis ch. 6,
    the average Otsu threshold of the true differences; ``difference_mse`` and ``change_healthy_mse``, see
    `score_reconstruction`; ``accuracy`` of the classifier. A score that the method or the images do not allow for is
    None. A training that is resumed keeps the rows before.

    Args:
        evaluator: translates the images.
        cases: what it collects them with.
        path: JSON to write.
        data_range: intensity range of the images.
        interval: iterations of training between two evaluations.
        min_lesion_pixels: an image with fewer is not scored as diseased.
        save: whether to write; in a distributed training every process evaluates, one writes.

    Raises:
        ValueError: when ``interval`` is less than 1.
    """

    def __init__(
        self,
        evaluator: Engine,
        cases: CollectCases,
        path: str | os.PathLike,
        data_range: float,
        interval: int = 500,
        min_lesion_pixels: int = 1,
        save: bool = True,
    ) -> None:
        if interval < 1:
            raise ValueError(f"interval must be at least 1, got {interval}")
        self.evaluator = evaluator
        self.cases = cases
        self.path = Path(path)
        self.data_range = data_range
        self.interval = interval
        self.min_lesion_pixels = min_lesion_pixels
        self.save = save
        self.rows: list[dict[str, Any]] = []
        self._start = 0.0

    def attach(self, engine: Engine) -> None:
        """Evaluate when ``engine``, the trainer, has done so many iterations; attach behind `TrainingState`."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.interval), self)

    def start(self, engine: Engine) -> None:
        """Take the rows so far from the file where the training is resumed.

        Raises:
            DataError: when the file is not what an earlier run wrote.
        """
        self.rows, minutes = [], 0.0
        if engine.state.iteration and self.path.is_file():
            try:
                rows = json.loads(self.path.read_text(encoding="utf-8"))["rows"]
                self.rows = [row for row in rows if row["iteration"] <= engine.state.iteration]
                minutes = self.rows[-1]["minutes"] if self.rows else 0.0
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{self.path}: expected the curve of a training, found {error!r}") from error
        self._start = time.monotonic() - 60 * minutes

    def __call__(self, engine: Engine) -> None:
        """Evaluate, and write the rows so far.

        Raises:
            DataError: when no diseased image has a mask and a healthy twin.
        """
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        began = time.monotonic()
        with torch.random.fork_rng(devices=[]):  # a loader draws from the generator that the training draws from
            self.evaluator.run()
        row = {"iteration": engine.state.iteration, "minutes": round((began - self._start) / 60, 3)}
        self.rows.append(row | self._scores(self.cases.cases))
        if self.save:
            with atomic_write(self.path) as f:
                json.dump({"images": len(self.cases.cases), "rows": self.rows}, f, indent=1)
        self._start += time.monotonic() - began

    def _scores(self, cases: Cases) -> dict[str, float | None]:
        sick, well = diseased(cases, self.min_lesion_pixels), healthy(cases)
        twin = sick & cases.known("twin")
        if not twin.any():
            raise DataError(
                f"The curve {self.path} expected diseased images with mask and healthy twin, found none among "
                f"{len(cases)}."
            )
        scores: dict[str, float | None] = dict.fromkeys(("dice", "difference_mse", "change_healthy_mse", "accuracy"))
        if cases.has("reconstruction"):
            threshold = average_otsu(torch.from_numpy(true_differences(cases, self.data_range)[twin]))
            translated = cases["reconstruction"]
            changed = mean_squared_error(translated, cases["image"], self.data_range)
            error = mean_squared_error(translated, cases["twin"], self.data_range)
            scores["dice"] = float(dice_per_slice(cases["map"][sick] > threshold, cases["mask"][sick]).mean())
            scores["difference_mse"] = float(error[twin].mean())
            scores["change_healthy_mse"] = float(changed[well].mean()) if well.any() else None
        probability = cases["probability"]
        known = (sick | well) & np.isfinite(probability)
        if known.any():
            scores["accuracy"] = float(((probability > CUT) == sick)[known].mean())
        return scores
