# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from tqdm import tqdm

from ..handlers import provenance
from ..inferers import HealthyTranslationInferer
from ..metrics import AnomalyCases, evaluate
from ..utils import DataError, atomic_write
from .counting import CountCalls

__all__ = ["SETTINGS", "benchmark"]

FAST = {"order": 2, "exact": True}


def _settings() -> dict[str, dict[str, Any]]:
    """The thesis' scheme, then few steps with the three parts of the fast scheme switched on one at a time.

    Scale and labels are the bundle's in all of them.
    """
    plain = {"order": 1, "exact": False, "substeps": 1}
    settings = {"DDIM 500+500, every level": {**plain, "steps": 500}}
    for steps, parts in ((50, 2), (25, 4), (12, 4), (6, 16)):
        name = f"{steps}+{steps}"
        settings[f"DDIM {name}"] = {**plain, "steps": steps}
        settings[f"{name} exact"] = {**plain, "steps": steps, "exact": True}
        settings[f"{name} exact, order 2"] = {**plain, **FAST, "steps": steps}
        settings[f"{name} exact, order 2, split {parts}"] = {**FAST, "steps": steps, "substeps": parts}
    return settings


SETTINGS = _settings()
COLUMNS = ("dice", "ap", "twin_error", "healthy_change", "denoiser_calls", "guide_calls", "seconds")


def benchmark(
    checkpoints: str | Sequence[str],
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
        checkpoints: ``model.pt`` of one or more trainings, e.g. of different seeds.
        out: JSON to write; the table goes beside it, as ``.md``.
        config: the training configuration(s) the checkpoints belong to.
        validation_slices: how many slices, two thirds diseased, choose the threshold.
        test_slices: how many slices, two thirds diseased, are scored.
        only: names (or parts of names) of the settings to run; None: all.
        **overrides: of the configuration, e.g. ``dataset_dir``.

    Returns:
        The table.
    """
    parser = ConfigParser()
    parser.read_config(config)
    parser.update(overrides)
    parser["translation"]["progress"] = False
    sets = {
        "validation": _choose(parser.get_parsed_content("validate#dataset"), validation_slices),
        "test": _choose(parser.get_parsed_content("evaluate#test_dataset"), test_slices),
    }
    network = parser.get_parsed_content("network")
    base = {k: parser.get_parsed_content(f"translation#{k}") for k in parser["translation"] if k != "_target_"}
    wanted = [only] if isinstance(only, str) else only
    chosen = {n: s for n, s in SETTINGS.items() if wanted is None or any(w in n for w in wanted)}
    result = _start(Path(out))
    names = [checkpoints] if isinstance(checkpoints, str) else list(checkpoints)
    for checkpoint in names:
        network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
        network.eval()
        rows = result["rows"].setdefault(str(checkpoint), {})
        for name, setting in tqdm(chosen.items(), desc=str(checkpoint)):
            if name not in rows:
                inferer = HealthyTranslationInferer(**{**base, **setting})
                rows[name] = _run(inferer, network, sets, base["data_range"])
                with atomic_write(out) as f:
                    json.dump(result, f, indent=1)
    table = _table(result["rows"], chosen, result["provenance"])
    with atomic_write(Path(out).with_suffix(".md")) as f:
        f.write(table)
    print(table)
    return table


def _start(out: Path) -> dict[str, Any]:
    if not out.exists():
        return {"provenance": {**provenance(), "threads": torch.get_num_threads()}, "rows": {}}
    try:
        return json.loads(out.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{out}: expected the JSON of a benchmark, found {error}") from error


def _choose(dataset: Any, count: int) -> list[dict[str, Any]]:
    """``count`` slices spread over a set, two thirds of them diseased."""
    labels = np.asarray(dataset.labels)
    picked: list[int] = []
    for label, share in ((1, count - count // 3), (0, count // 3)):
        members = np.flatnonzero(labels == label)
        picked += members[np.linspace(0, len(members) - 1, min(share, len(members))).round().astype(int)].tolist()
    return [dataset[i] for i in picked]


def _run(
    inferer: HealthyTranslationInferer, network: Any, sets: Mapping[str, Sequence[Mapping[str, Any]]], data_range: float
) -> dict[str, Any]:
    cases = {}
    start = time.perf_counter()
    with CountCalls(network.diffusion) as denoiser, CountCalls(network.classifier) as guide:
        for name, slices in sets.items():
            images = torch.stack([torch.as_tensor(s["image"]) for s in slices]).to(next(network.parameters()).device)
            pred = inferer(images, network).cpu()
            cases[name] = AnomalyCases()
            for s, p in zip(slices, pred, strict=True):
                cases[name].append(
                    image=s["image"], map=p[:1], healthy=p[1:], mask=s.get("mask"), twin=s.get("twin"), label=s["label"]
                )
    seconds = time.perf_counter() - start
    total = sum(len(s) for s in sets.values())
    report = evaluate(cases["validation"], cases["test"], data_range=data_range, background=-data_range / 2)
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
    }


def _table(rows: Mapping[str, Mapping[str, Any]], names: Iterable[str], about: Mapping[str, Any]) -> str:
    """Mean and standard deviation over the checkpoints; time also as a share of the first setting's; calls a slice."""
    lines = [
        "| setting | Dice | AP | twin error in lesion | change of healthy | denoiser | guide | s/slice | ratio |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    first: float | None = None
    for name in names:
        values = {c: np.array([r[name][c] for r in rows.values() if name in r], dtype=float) for c in COLUMNS}
        mean = {c: v.mean() for c, v in values.items()}
        first = first or mean["seconds"]
        quality = " | ".join(f"{mean[c]:.4f} ± {values[c].std():.4f}" for c in COLUMNS[:4])
        cost = f"{mean['denoiser_calls']:.0f} | {mean['guide_calls']:.0f} | {mean['seconds']:.2f}"
        lines.append(f"| {name} | {quality} | {cost} | {mean['seconds'] / first:.3f} |")
    note = f"{len(rows)} checkpoint(s), mean ± sd over them; {about['date']}, git {about['git_revision']}, "
    return "\n".join([*lines, "", note + f"torch {about['versions']['torch']}, {about['threads']} thread(s).", ""])
