# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from tqdm import tqdm

from ..handlers import CollectSegmentations
from ..inferers import MaskEnsembleInferer
from ..metrics import SegmentationCases, evaluate_segmentation
from ..utils import atomic_write
from .benchmark_file import agree, open_benchmark, write_benchmark
from .benchmark_setup import (
    about_checkpoint,
    chosen_settings,
    component_arguments,
    pick_test_slices,
    read_config,
    slice_names,
    trained_network,
)
from .counting import CountCalls
from .segmentation_benchmark_table import (
    region_differences,
    region_scores,
    segmentation_benchmark_table,
)

__all__ = ["SETTINGS", "segmentation_benchmark"]


def _settings() -> dict[str, dict[str, Any]]:
    """The paper's scheme, then fewer steps of it, then the deterministic solver; all else is the configuration's."""
    settings: dict[str, dict[str, Any]] = {"1000-step DDPM": {"steps": 1000, "solver": "ancestral"}}
    for steps in (250, 50, 20, 10, 5, 2, 1):
        settings[f"{steps} step{'s' * (steps > 1)}, ancestral"] = {"steps": steps, "solver": "ancestral"}
    for order in (1, 2):
        for steps in (50, 20, 10, 5):
            settings[f"{steps} steps, DDIM, order {order}"] = {"steps": steps, "solver": "ddim", "order": order}
    return settings


SETTINGS = _settings()
TEST, REPORT = "evaluate#test_dataset", "evaluate#report"
OPTIONS = ("region_names", "channel_names", "spacing", "data_range", "background")
"""What the scores need of the configuration's report."""
USED = ("inferer", "network_def", TEST, *(f"{REPORT}#{option}" for option in OPTIONS))


def segmentation_benchmark(
    checkpoint: str | os.PathLike,
    out: str | os.PathLike,
    config: str | Sequence[str] = "bundles/diffseg/configs/train.json",
    test_slices: int | None = None,
    only: str | Sequence[str] | None = None,
    **overrides: Any,
) -> str:
    """Quality of the segmentation ensemble against network evaluations: each setting on the same slices, with the same
    weights and the same noise.

    Settings that are done already are taken from ``out``, so that an interrupted benchmark goes on.

    Args:
        checkpoint: ``model.pt`` of a training of the diffusion model.
        out: JSON to write; the table goes beside it, as ``.md``.
        config: the training configuration(s) the checkpoint belongs to.
        test_slices: how many slices, two thirds with a lesion, are scored; None: the test set.
        only: names (or parts of names) of the settings to run; None: all. The first is what the others are compared to.
        **overrides: of the configuration, e.g. ``inferer#num_samples``.

    Returns:
        The table.

    Raises:
        DataError: when ``out`` is of something else, or was made with other slices, weights, configuration or device.
        ValueError: when ``only`` means no setting, or the configuration's ensemble is not one of a diffusion model.
    """
    chosen, path = chosen_settings(SETTINGS, only), Path(out)
    parser = read_config(config, overrides)
    if not str(parser["inferer"]["_target_"]).endswith(MaskEnsembleInferer.__name__):
        raise ValueError(f"config must have a {MaskEnsembleInferer.__name__}, got {parser['inferer']['_target_']}")
    result = open_benchmark(path)
    agree(path, result["counts"], "test slices", test_slices)
    about = {**about_checkpoint(str(checkpoint), parser, USED), "device": _device_name(parser)}
    agree(path, result["checkpoints"], "model", about)
    slices = pick_test_slices(parser.get_parsed_content(TEST), test_slices)
    agree(path, result["slices"], "test", slice_names(slices))
    missing = {n: s for n, s in chosen.items() if n not in result["rows"]}
    for name, row in _missing_rows(str(checkpoint), parser, slices, missing):
        result["rows"][name] = row
        write_benchmark(path, result)
    names, subjects = list(chosen), result["slices"]["test"]["subject"]
    result["differences"] = region_differences(result["rows"], names, subjects)
    write_benchmark(path, result)
    samples = parser.get_parsed_content("inferer#num_samples")
    note = {**result["provenance"], "device": about["device"], "samples": samples}
    table = segmentation_benchmark_table(result["rows"], names, result["differences"], subjects, note)
    with atomic_write(path.with_suffix(".md")) as f:
        f.write(table)
    return table


def _device_name(parser: ConfigParser) -> str:
    """The device that the seconds are of."""
    device = torch.device(parser.get_parsed_content("device"))
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _missing_rows(
    checkpoint: str,
    parser: ConfigParser,
    slices: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not settings:
        return
    network = trained_network(checkpoint, parser)
    base = {**component_arguments(parser, "inferer"), "keep_samples": True, "progress": False}
    options = {option: parser.get_parsed_content(f"{REPORT}#{option}") for option in OPTIONS}
    warm_up = MaskEnsembleInferer(**{**base, "steps": 1})
    _collect(warm_up, network, slices[: warm_up.slices_at_a_time], "warm-up")
    for number, (name, setting) in enumerate(settings.items(), start=1):
        inferer = MaskEnsembleInferer(**{**base, **setting})
        with CountCalls(network) as calls:
            cases, seconds = _collect(inferer, network, slices, f"{name} ({number} of {len(settings)})")
        report = evaluate_segmentation(None, cases, resamples=0, **options)
        yield (
            name,
            {
                "regions": region_scores(report),
                "evaluations": calls.samples / (len(slices) * inferer.num_samples),
                "seconds": seconds / len(slices),
            },
        )


def _collect(
    inferer: MaskEnsembleInferer, network: Any, slices: Sequence[Mapping[str, Any]], title: str
) -> tuple[SegmentationCases, float]:
    """Segment slices, a batch at a time; the seconds are the inferer's alone."""
    collect, step, seconds = CollectSegmentations(), inferer.slices_at_a_time, 0.0
    device = next(network.parameters()).device
    with tqdm(total=len(slices), desc=title, unit="slice") as bar:
        for start in range(0, len(slices), step):
            batch = slices[start : start + step]
            images = torch.stack([torch.as_tensor(s["image"]) for s in batch]).to(device)
            begin = time.perf_counter()
            pred = {k: v.cpu() for k, v in inferer(images, network).items()}  # waits for the device
            seconds += time.perf_counter() - begin
            for i, item in enumerate(batch):
                collect.collect({**item, "pred": {k: v[i] for k, v in pred.items()}})
            bar.update(len(batch))
    return collect.cases, seconds
