# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..handlers.tables import markdown_table

__all__ = ["origins_table"]


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
        revision = about["git_revision"] or "unknown"
        short = revision[:10] + "+" * revision.endswith("+")
        rows.append([name, *cells, about["config"] or "-", str(about["seed"]), short, about["date"]])
    return markdown_table(
        ["method", "parameters", "training (minutes)", "configuration", "seed", "git", "evaluated"], rows
    )
