# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from tqdm import tqdm

from ..inferers import HealthyTranslationInferer
from ..metrics import AnomalyCases, evaluate
from ..utils import atomic_write
from .benchmark_file import agree, open_benchmark, used_config, write_benchmark
from .benchmark_setup import (
    about_checkpoint,
    chosen_settings,
    component_arguments,
    pick_test_slices,
    read_config,
    slice_names,
    trained_network,
)
from .benchmark_table import benchmark_table, paired_differences
from .counting import CountCalls

__all__ = ["SETTINGS", "benchmark"]

FAST = {"order": 2, "exact": True}
DEFAULT = "the configuration's own"
VARIANTS: dict[str, dict[str, Any]] = {
    "without label contrast": {"label_scale": 0.0},
    "with one label": {"label_scale": 0.0, "encoding_label": 0, "decoding_label": 0},
    "without guide": {"scale": 0.0},
    "without border": {"border": 0},
    "with mirror images": {"mirror_axis": 0},
    "without resampling": {"resampling": None},
}


def _settings() -> dict[str, dict[str, Any]]:
    """The thesis' scheme, then few steps with the three parts of the fast scheme switched on one at a time, all to the
    thesis' level and without extrapolation between labels, mirror images and resampling; last the translation of the
    configuration, as it is and with one part less or more.

    Scale, labels and border are the configuration's in all of them.
    """
    common = {"level": 500, "label_scale": 0.0, "mirror_axis": None, "resampling": None}
    plain = {**common, "order": 1, "exact": False, "substeps": 1}
    settings = {"DDIM 500+500, every level": {**plain, "steps": 500}}
    for steps, parts in ((50, 2), (25, 4), (12, 4), (6, 16)):
        name = f"{steps}+{steps}"
        settings[f"DDIM {name}"] = {**plain, "steps": steps}
        settings[f"{name} exact"] = {**plain, "steps": steps, "exact": True}
        settings[f"{name} exact, order 2"] = {**plain, **FAST, "steps": steps}
        settings[f"{name} exact, order 2, split {parts}"] = {**common, **FAST, "steps": steps, "substeps": parts}
    return {**settings, DEFAULT: {}, **{f"{DEFAULT}, {name}": part for name, part in VARIANTS.items()}}


SETTINGS = _settings()
SETS = {"validation": "validate#dataset", "test": "evaluate#test_dataset"}
USED = ("inferer", "network_def", *SETS.values())
"""What the numbers depend on."""


def benchmark(
    checkpoints: str | Sequence[str] | Mapping[str, Mapping[str, Any]],
    out: str | os.PathLike,
    config: str | Sequence[str] = "bundles/diffanomaly/configs/train.json",
    validation_slices: int = 16,
    test_slices: int = 24,
    only: str | Sequence[str] | None = None,
    **overrides: Any,
) -> str:
    """Quality of the translation against network evaluations: each setting on the same slices, for several trainings.

    The threshold is chosen on validation slices for each setting and checkpoint. Settings that are done already are
    taken from ``out``, so that an interrupted benchmark goes on.

    Args:
        checkpoints: ``model.pt`` of one or more trainings, e.g. of different seeds; or, where each was trained with
            overrides of its own, a mapping from ``model.pt`` to those, e.g. ``{"seed1/model.pt": {"seed": 1}}``.
        out: JSON to write; the table goes beside it, as ``.md``.
        config: the training configuration(s) the checkpoints belong to.
        validation_slices: how many slices, two thirds diseased, choose the threshold.
        test_slices: how many slices, two thirds diseased, are scored.
        only: names (or parts of names) of the settings to run; None: all. The first is what the others are compared to.
        **overrides: of the configuration, for all checkpoints, e.g. ``dataset_dir``.

    Returns:
        The table.

    Raises:
        DataError: when ``out`` is of an older version, or was made with other slices, weights or configuration.
        ValueError: when ``only`` means no setting.
    """
    chosen = chosen_settings(SETTINGS, only)
    path, counts = Path(out), {"validation": validation_slices, "test": test_slices}
    result = open_benchmark(path)
    for part, count in counts.items():
        agree(path, result["counts"], f"{part} slices", count)
    # all checkpoints first: what is wrong with the last one should not show after hours
    quiet = {"inferer#progress": False}
    own_overrides = _own_overrides(checkpoints)
    parsers = {name: read_config(config, {**overrides, **own, **quiet}) for name, own in own_overrides.items()}
    for name, parser in parsers.items():
        agree(path, result["checkpoints"], name, about_checkpoint(name, parser, USED))
    chosen_slices: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, parser in parsers.items():
        key = _data_key(parser)
        if key not in chosen_slices:
            chosen_slices[key] = {p: pick_test_slices(parser.get_parsed_content(i), counts[p]) for p, i in SETS.items()}
        for part, slices in chosen_slices[key].items():
            agree(path, result["slices"], part, slice_names(slices), of=f"{name} ")
    for name, parser in parsers.items():
        rows = result["rows"].setdefault(name, {})
        missing = {n: s for n, s in chosen.items() if n not in rows}
        for setting, row in _missing_rows(name, parser, chosen_slices[_data_key(parser)], missing):
            rows[setting] = row
            write_benchmark(path, result)
    names, subjects = list(chosen), result["slices"]["test"]["subject"]
    result["differences"] = paired_differences(result["rows"], names, subjects)
    write_benchmark(path, result)
    table = benchmark_table(result["rows"], names, result["differences"], subjects, result["provenance"])
    with atomic_write(path.with_suffix(".md")) as f:
        f.write(table)
    return table


def _own_overrides(checkpoints: str | Sequence[str] | Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    if isinstance(checkpoints, Mapping):
        return {str(name): dict(own or {}) for name, own in checkpoints.items()}
    return {str(name): {} for name in ([checkpoints] if isinstance(checkpoints, str) else checkpoints)}


def _data_key(parser: ConfigParser) -> str:
    """Equal for configurations that lead to the same slices, which are then read once."""
    return json.dumps(used_config(parser, SETS.values()), sort_keys=True, default=str)


def _missing_rows(
    checkpoint: str,
    parser: ConfigParser,
    sets: Mapping[str, Sequence[Mapping[str, Any]]],
    settings: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    network, base = trained_network(checkpoint, parser), component_arguments(parser, "inferer")
    for name, setting in tqdm(settings.items(), desc=checkpoint):
        yield name, _run(HealthyTranslationInferer(**{**base, **setting}), network, sets, base)


def _run(
    inferer: HealthyTranslationInferer,
    network: Any,
    sets: Mapping[str, Sequence[Mapping[str, Any]]],
    base: Mapping[str, Any],
) -> dict[str, Any]:
    cases = {}
    start = time.perf_counter()
    with CountCalls(network.diffusion) as denoiser, CountCalls(network.classifier) as guide:
        for name, slices in sets.items():
            images = torch.stack([torch.as_tensor(s["image"]) for s in slices]).to(next(network.parameters()).device)
            pred = {name: values.cpu() for name, values in inferer(images, network).items()}
            cases[name] = AnomalyCases()
            for i, s in enumerate(slices):
                known = {k: s[k] for k in ("mask", "twin", "label", "subject", "slice") if k in s}
                cases[name].append(image=s["image"], map=pred["map"][i], healthy=pred["reconstruction"][i], **known)
    seconds = time.perf_counter() - start
    total = sum(len(s) for s in sets.values())
    report = evaluate(
        cases["validation"], cases["test"], data_range=base["data_range"], background=base["background"], resamples=0
    )
    method = report["methods"]["translation"]
    return {
        "dice": method["dice"]["validation"]["value"],
        "dice_oracle": method["dice"]["oracle"]["value"],
        "ap": method["pixel_ap"]["per_slice"]["value"],
        "twin_error": report["translation"]["twin_mae_lesion"]["value"],
        "healthy_change": report["translation"]["change_healthy_slices"]["value"],
        "denoiser_calls": denoiser.samples / total,
        "guide_calls": guide.samples / total,
        "seconds": seconds / total,
        "per_slice": {
            short: [None if c[column] is None else round(c[column], 5) for c in report["cases"]]
            for short, column in (("dice", "dice_validation"), ("ap", "pixel_ap"))
        },
    }
