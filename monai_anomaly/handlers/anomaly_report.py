# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist

from ..metrics import AnomalyCases, evaluate, trivial_baselines
from ..utils import provenance, read_model_record
from ..visualize import anomaly_examples_figure, pick_cases
from .collect_cases import CollectCases
from .report_files import write_report
from .threshold_file import write_threshold

__all__ = ["drawn_fields", "report_evaluation"]


def report_evaluation(
    validation: CollectCases | AnomalyCases | None,
    test: CollectCases | AnomalyCases,
    output_dir: str | os.PathLike,
    channel_names: Sequence[str],
    training_mean: np.ndarray | Callable[[], np.ndarray] | None = None,
    data_range: float = 1.0,
    config: str = "",
    seed: int | None = None,
    show: Sequence[str] = ("flair", "t1ce"),
    rows: int = 6,
    rotate: bool = True,
    threshold_file: str | os.PathLike | None = None,
    model_file: str | os.PathLike | None = None,
    save_cases: bool = False,
    signed: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Score a test set with the trivial baselines beside it, print the table, and leave files and a picture.

    The last step of a bundle's ``run``. Writes ``metrics.json``, ``metrics.csv``, ``metrics.md`` and, where the
    method has anomaly maps, ``panel.png``; in a distributed run the first process does.

    Args:
        validation: slices that choose the threshold; None leaves those thresholds out.
        test: slices to score.
        output_dir: folder to write to.
        channel_names: name of every image channel.
        training_mean: mean healthy training image (C, H, W), or a function that computes it; adds a baseline.
        data_range: intensity range of the images.
        config: name of the configuration, for the record.
        seed: seed of the run, for the record; that of the training is the model's.
        show: channels of the picture.
        rows: slices of the picture.
        rotate: see `anomaly_examples_figure`.
        threshold_file: JSON that the threshold chosen on validation goes to, for inference, see `write_threshold`; None
            for none.
        model_file: weights that were evaluated, for the record; None: not told.
        save_cases: write ``cases.npz`` too, from which the methods of a comparison are drawn.
        signed: see `anomaly_examples_figure`.
        **options: further arguments of :py:func:`monai_anomaly.metrics.evaluate`.

    Returns:
        The report, as in ``metrics.json`` but for the provenance.
    """
    validation = validation.cases if isinstance(validation, CollectCases) else validation
    test = test.cases if isinstance(test, CollectCases) else test
    mean = training_mean() if callable(training_mean) else training_mean
    report = evaluate(
        validation, test, baselines=trivial_baselines(channel_names, mean), data_range=data_range, **options
    )
    if dist.is_available() and dist.is_initialized() and dist.get_rank() > 0:
        return report
    model = None if model_file is None else read_model_record(model_file)
    about = provenance(config, seed) | ({} if model is None else {"model": model})
    print(write_report(report, output_dir, about))
    dice = next(iter(report["methods"].values())).get("dice", {})
    chosen = dice.get("validation") or dice.get("average_otsu")
    if threshold_file is not None and "validation" in dice:
        write_threshold(threshold_file, chosen["threshold"], model)
    if save_cases:
        test.save(Path(output_dir) / "cases.npz")
    if test.has_map:
        threshold = chosen["threshold"]["value"] if chosen else None
        title = f"Test slices{_origin(chosen)}"
        path = Path(output_dir) / "panel.png"
        low = report["settings"]["background"]
        few = test.subset(pick_cases(test.lesion_pixels, test.diseased(), test.healthy_slices(), rows))
        anomaly_examples_figure(
            path,
            drawn_fields(few),
            channel_names,
            show,
            threshold,
            healthy=few.healthy_slices(),
            signed=signed,
            window=(low, low + data_range),
            rotate=rotate,
            title=title,
        )
    return report


def drawn_fields(cases: AnomalyCases) -> dict[str, np.ndarray]:
    """Slices as the figures read them."""
    fields = {key: cases[key] for key in ("image", "map", "mask", "twin", "subject", "slice")}
    return {**fields, "reconstruction": cases["healthy"]}


def _origin(chosen: Mapping[str, Any] | None) -> str:
    return "" if chosen is None else f"; threshold: {chosen['threshold']['origin'].replace('_', ' ')}"
