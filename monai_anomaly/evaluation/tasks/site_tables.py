# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..tables import (
    INTERVAL_LEGEND,
    Column,
    Section,
    difference_table,
    legend_of,
    markdown_table,
    part_tables,
    score_table,
)
from ..task import ALL
from .classification import COMPARED_LEGEND, SCORES

__all__ = ["SOURCE", "TARGET", "probe_columns", "site_sections"]

TARGET, SOURCE = "target", "source"
"""Names of the parts that are no single site."""
MAIN = (Column("accuracy", "accuracy"), Column("kappa", "kappa"), Column("auroc", "AUROC"))
MAIN_LEGEND = """\
As Table 1 of thesis ch. 9. Source: all known sites but the target. Site probe: how well a linear model reads the site
from the latent of test cases of one class, cross-validated over subjects: balanced accuracy, and AUROC of each site
against the others; in brackets what a guess has. Of sites with 3 people of the class. "most frequent": the class that
most of the training set has, for every case. "ComBat": a logistic regression on the latents, after the shift of every
site is taken out of them."""
SCORES_LEGEND = """\
Balanced accuracy: mean over the classes of the share called right; kappa: Cohen's; AUROC: of more than two classes the
mean over the classes of each against all others. Kappa and AUROC of cases of one class say nothing: "-"."""
SITES_LEGEND = "In brackets the cases. At a site of one class whoever calls everything that is always right."


def probe_columns(class_names: Sequence[str]) -> list[Column]:
    """Of the site probe of every class."""
    return [
        Column(f"site_probe{kind}_{name}", f"site probe{title} {name}")
        for name in class_names
        for kind, title in (("", ""), ("_auroc", " AUROC"))
    ]


def site_sections(report: Mapping[str, Any], class_names: Sequence[str]) -> list[Section]:
    """The tables of a report, or of a comparison, of classifications at a target and other sites.

    Args:
        report: see :py:func:`monai_anomaly.evaluation.evaluate_cases`.
        class_names: of the task.
    """
    parts = report["parts"]
    large = {name: parts[name] for name in (ALL, TARGET, SOURCE) if name in parts}
    sites = {name: part for name, part in parts.items() if name not in large}
    sections = [Section("Target and source", _main_table(parts, class_names), MAIN_LEGEND)]
    for name, part in large.items():
        sections.append(Section(f"{name}: {part['counts']['cases']} cases", score_table(part["methods"], SCORES)))
    sections.append(Section("", legend_of(report, SCORES_LEGEND, INTERVAL_LEGEND)))
    if sites:
        sections.append(Section("Accuracy of every site", _site_table(sites), SITES_LEGEND))
    compared = {name: difference_table(part["comparisons"], MAIN) for name, part in large.items()}
    return sections + part_tables("First row minus each other", compared, legend_of(report, "", COMPARED_LEGEND))


def _main_table(parts: Mapping[str, Any], class_names: Sequence[str]) -> str:
    """A row per method: the scores of the target and of the source, and the site probe of all cases."""
    shown = [(part, column) for part in (TARGET, SOURCE) if part in parts for column in MAIN]
    titles = [f"{part} {column.title}" for part, column in shown]
    known = {score for scores in parts[ALL]["methods"].values() for score in scores}
    probes = [column for column in probe_columns(class_names) if column.score in known]
    rows: list[list[str]] = []
    for name, everywhere in parts[ALL]["methods"].items():
        row = [column.cell(parts[part]["methods"].get(name, {})) for part, column in shown]
        for column in probes:
            chance = everywhere.get(column.score, {}).get("chance")
            row.append(column.cell(everywhere) + ("" if chance is None else f" ({chance:.2f})"))
        rows.append([f"**{name}**" if not rows else name, *row])
    return markdown_table(["method", *titles, *(column.title for column in probes)], rows)


def _site_table(sites: Mapping[str, Any]) -> str:
    """A row per method, a column per site."""
    methods = dict.fromkeys(name for part in sites.values() for name in part["methods"])
    rows = [[name, *(MAIN[0].cell(part["methods"].get(name, {})) for part in sites.values())] for name in methods]
    titles = [f"{name} ({part['counts']['cases']})" for name, part in sites.items()]
    return markdown_table(["method", *titles], rows)
