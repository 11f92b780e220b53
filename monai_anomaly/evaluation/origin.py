# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .tables import markdown_table

__all__ = ["origin_line", "origins_table", "seed_and_revision"]


def origin_line(provenance: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """When, from which code, config, seed and model a report came, and the settings it was made with."""
    versions = ", ".join(f"{k} {v}" for k, v in provenance["versions"].items())
    options = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in settings.items())
    return (
        f"{provenance['date']}; config {provenance['config'] or '-'}; seed {provenance['seed']};"
        f" git {provenance['git_revision'] or 'unknown'}; {versions}.\n{_model(provenance.get('model'))}"
        f"Settings: {options}."
    )


def _model(model: Mapping[str, Any] | None) -> str:
    """What was evaluated, and what it was trained on, as far as that is known."""
    if model is None:
        return ""
    name = f"Model: {model['file']} (SHA-256 {model['sha256'][:8]})"
    training = model["training"]
    if training is not None and training.get("note"):  # that they are for show
        name += f", **{training['note']}**"
    if training is None:
        return f"{name}; what it was trained on is not known.\n"
    data = "".join(
        f"; {section} {d['samples']} samples of {d['subjects']} subjects ({d['fingerprint'][:8]})"
        for section, d in training["data"].items()
    )
    start = f"; from {training['pretrained']['file']}" if training["pretrained"] else ""
    changes = f"; changed {', '.join(training['changes'])}" if training["changes"] else ""
    return (
        f"{name}, epoch {training['epoch']} of a training of {training['date']} with seed "
        f"{training['settings'].get('seed')}, git {training['git_revision'] or 'unknown'}{data}{start}{changes}.\n"
    )


def seed_and_revision(provenance: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Seed and git revision of the training of what was evaluated; of the evaluation where the training is not known.

    Args:
        provenance: of an evaluation.
    """
    training = (provenance.get("model") or {}).get("training")
    if training is None:
        return provenance["seed"], provenance["git_revision"]
    return training["settings"].get("seed"), training["git_revision"]


def origins_table(methods: Mapping[str, Mapping[str, Any]]) -> str:
    """Where the methods of a comparison came from, as Markdown.

    Args:
        methods: name -> ``provenance`` of its evaluation and what is known of its ``training``.
    """
    rows = []
    for name, method in methods.items():
        about, training = method["provenance"], method["training"]
        size, minutes = training.get("parameters"), training.get("minutes")
        cells = ["-" if size is None else f"{size:,}", "-" if minutes is None else f"{minutes:.3g}"]
        seed, revision = seed_and_revision(about)
        revision = revision or "unknown"
        short = revision[:10] + "+" * revision.endswith("+")
        rows.append([name, *cells, about["config"] or "-", str(seed), short, about["date"]])
    return markdown_table(
        ["method", "parameters", "training (minutes)", "configuration", "seed", "git", "evaluated"], rows
    )
