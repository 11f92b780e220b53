# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Put the weights of a training, and what is known of them, into ``models`` of a bundle, as those it comes with.

``python tools/ship_weights.py BUNDLE TRAINED EVALUATED [COMMAND]``: the folder with ``model.pt`` and ``model.json``,
that with ``metrics.json`` and perhaps ``threshold.json`` of these very weights, and the command that trained them.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from format_configs import layout

from monai_anomaly.utils import atomic_write, file_digest, load_tensors, read_json, write_model_record

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
NOTE = "demonstration weights, synthetic data"
MOST_MB = 8.0
SCORES = {
    "descargan": ["dice_average_otsu_truth", "dice_validation", "pixel_auroc", "pixel_ap"],
    "diffanomaly": ["dice_validation", "pixel_ap", "image_auroc_map", "change_healthy"],
    "diffseg": ["dice", "hd95", "ece", "flagged_cases"],
    "difftranslation": ["size_error", "mask_dice", "error_lesion", "error_outside", "drift"],
    "l2i_classification": ["accuracy", "auroc"],
}
"""Scores of the first method that the page and ``eval_metrics`` tell."""
PARTS = {"l2i_classification": "target"}
"""The part of the evaluation that they are of, where it is not the first."""


def ship(bundle: str, trained: Path, evaluated: Path, command: str | None = None) -> None:
    """Copy, or say what does not fit.

    Raises:
        SystemExit: the weights are too large or no plain tensors, or the scores and the threshold are of others.
    """
    folder = BUNDLES / bundle / "models"
    model, metrics = trained / "model.pt", read_json(evaluated / "metrics.json")
    record, sha256 = read_json(trained / "model.json"), file_digest(model)
    origins = {
        "model.json": record["sha256"],
        "metrics.json": (metrics["provenance"].get("model") or {}).get("sha256"),
    }
    threshold = next((f for f in (evaluated, trained) if (f / "threshold.json").is_file()), None)
    if threshold is not None:
        origins["threshold.json"] = read_json(threshold / "threshold.json")["model"]["sha256"]
    if others := [name for name, digest in origins.items() if digest != sha256]:
        sys.exit(f"expected files of {model}, found others: {', '.join(others)}")
    load_tensors(model)
    megabytes = model.stat().st_size / 1e6
    if megabytes > MOST_MB:
        sys.exit(f"{model}: expected at most {MOST_MB:g} MB of weights, found {megabytes:.1f}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in [model, *([threshold / "threshold.json"] if threshold else [])]:
        shutil.copyfile(file, folder / file.name)
    write_model_record(folder / "model.pt", {"note": NOTE, **record["training"]})
    scores = _scores(bundle, metrics)
    command = command or f"python -m monai.bundle run training --config_file bundles/{bundle}/configs/train.json"
    with atomic_write(folder / "README.md") as f:
        f.write(_page(record["training"], sha256, megabytes, scores, command, PARTS.get(bundle)))
    metadata = BUNDLES / bundle / "configs" / "metadata.json"
    told = {name: round(score["value"], 4) for name, score in scores.items()}
    with atomic_write(metadata) as f:
        f.write(layout(read_json(metadata) | {"eval_metrics": told}) + "\n")


def _scores(bundle: str, metrics: dict[str, Any]) -> dict[str, Any]:
    parts = metrics["parts"]
    part = parts[PARTS.get(bundle) or next(iter(parts))]
    first = next(iter(part["methods"].values()))
    if absent := [name for name in SCORES[bundle] if name not in first]:
        sys.exit(f"metrics.json: expected the scores {', '.join(absent)}, found {', '.join(first)}")
    return {name: first[name] for name in SCORES[bundle]}


def _page(
    training: dict[str, Any], sha256: str, megabytes: float, scores: dict[str, Any], command: str, part: str | None
) -> str:
    rows = [
        ("command", f"`{command}`"),
        ("seed", training["settings"]["seed"]),
        ("date", training["date"][:10]),
        ("git revision", training["git_revision"]),
        ("versions", ", ".join(f"{name} {version}" for name, version in training["versions"].items())),
        ("size", f"{megabytes:.1f} MB"),
        ("SHA-256 of model.pt", sha256),
    ]
    table = "".join(f"| {name} | {value} |\n" for name, value in rows)
    lines = ""
    for name, score in scores.items():
        interval = "{:.3f} to {:.3f}".format(*score["ci95"]) if score.get("ci95") else ""
        lines += f"| {name} | {score['value']:.4f} | {interval} | {score['n']} |\n"
    of = f", part {part}" if part else ""
    return (
        "# Demonstration weights\n\nTrained on generated images alone: they show how the bundle works and say nothing "
        f"about patients. Research use only.\n\n| | |\n|---|---|\n{table}\nOn the test section of the generated "
        f"data{of}:\n\n| score | value | 95 % interval | cases |\n|---|---|---|---|\n" + lines
    )


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    ship(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *sys.argv[4:])
