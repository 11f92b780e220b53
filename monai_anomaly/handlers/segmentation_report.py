# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist

from ..metrics import SegmentationCases, dice_by_samples, evaluate_segmentation
from ..utils import provenance, read_model_record
from ..visualize import curves_figure, pick_cases, segmentation_examples_figure
from ..visualize.examples_figures import row_labels
from .collect_segmentations import CollectSegmentations
from .segmentation_files import write_segmentation_report

__all__ = ["report_segmentation"]


def report_segmentation(
    test: CollectSegmentations | SegmentationCases,
    output_dir: str | os.PathLike,
    region_names: Sequence[str],
    channel_names: Sequence[str],
    validation_slices: CollectSegmentations | SegmentationCases | Iterable[Mapping[str, Any]] | None = None,
    config: str = "",
    seed: int | None = None,
    show: str = "flair",
    rows: int = 6,
    rotate: bool = True,
    settings: Mapping[str, Any] | None = None,
    model_file: str | os.PathLike | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Score a test set with one sample and a trivial baseline beside the ensemble, print the table, leave pictures.

    The last step of a bundle's ``evaluate``. Writes ``metrics.json``, ``metrics.csv``, ``metrics.md``; ``examples.png``
    (of the first region, ``examples_<name>.png`` of each other) and ``curves.png``; and ``cases.npz``, from which
    :py:func:`uncertainty_comparison_figure` draws several methods without running them again. In a distributed run the
    first process does.

    Args:
        test: slices to score.
        output_dir: folder to write to.
        region_names: name of every mask channel.
        channel_names: name of every image channel.
        validation_slices: a data set with ``image`` and ``mask``, or collected slices, that chooses the threshold of
            the baseline; None leaves it out.
        config: name of the configuration, for the record.
        seed: seed of the run, for the record; that of the training is the model's.
        show: channel of the pictures; the last one when it is unknown.
        rows: slices of the pictures.
        rotate: see `anomaly_examples_figure`.
        settings: of the inferer that made the masks, for the record.
        model_file: weights that were evaluated, for the record; None: not told.
        **options: further arguments of :py:func:`monai_anomaly.metrics.evaluate_segmentation`.

    Returns:
        The report, as in ``metrics.json`` but for the provenance.
    """
    test = test.cases if isinstance(test, CollectSegmentations) else test
    validation = validation_slices.cases if isinstance(validation_slices, CollectSegmentations) else validation_slices
    report = evaluate_segmentation(validation, test, region_names, channel_names, **options)
    if settings is not None:
        report["settings"]["inferer"] = dict(settings)
    if dist.is_available() and dist.is_initialized() and dist.get_rank() > 0:
        return report
    folder = Path(output_dir)
    about = provenance(config, seed) | ({} if model_file is None else {"model": read_model_record(model_file)})
    print(write_segmentation_report(report, folder, about))
    name = show if show in channel_names else channel_names[-1]
    channel = list(channel_names).index(name)
    low = report["settings"]["background"]
    window = (low, low + report["settings"]["data_range"])
    for k, region in enumerate(region_names):
        path = folder / ("examples.png" if k == 0 else f"examples_{region}.png")
        title = f"Test slices: {region}, {next(iter(report['regions'][region]['methods']))}"
        few = test.subset(_picked(test, k, rows))
        segmentation_examples_figure(path, few, k, channel, name, window, rotate, title)
    curves = {region: _curves(found) for region, found in report["regions"].items()}
    curves_figure(folder / "curves.png", curves, _example_curves(test, rows) if test.num_samples > 1 else None)
    test.save(folder / "cases.npz", channel)
    return report


def _example_curves(test: SegmentationCases, rows: int) -> dict[str, np.ndarray]:
    """Dice by number of samples of the slices in the first picture that have the region."""
    few = test.subset(i for i in _picked(test, 0, rows) if test.lesion_pixels[i, 0])
    if not len(few):
        return {}
    curves = dice_by_samples(few["samples"][:, :, 0], few["mask"][:, 0])
    return dict(zip(row_labels(few), curves, strict=True))


def _curves(region: Mapping[str, Any]) -> dict[str, Any]:
    """The curves of a region with their scores, as the figure reads them."""
    calibration, uncertainty = region["calibration"], region["uncertainty"]
    found = {"reliability": calibration["bins"], "ece": calibration["ece"]["value"]}
    found |= {"risk_coverage": uncertainty["risk_coverage"], "aurc": uncertainty["aurc"]["value"]}
    return found | {key: region[key] for key in ("dice_by_samples",) if key in region}


def _picked(test: SegmentationCases, region: int, rows: int) -> list[int]:
    sizes = test.lesion_pixels[:, region]
    return pick_cases(sizes, sizes > 0, sizes == 0, rows)
