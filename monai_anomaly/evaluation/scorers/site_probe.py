# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from ...metrics.site_probe import site_probe
from ..cases import Cases
from ..summary import score
from ..task import Columns, Context, Summary

__all__ = ["score_site_probe"]


def score_site_probe(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """Of every class, how well a linear model reads the site from the latent, see :py:func:`site_probe`.

    Args:
        cases: some with ``latent`` (m,), or they score nothing; with ``label`` and ``site``.
        context: setting ``class_names``.

    Returns:
        ``site_probe_<class>`` (balanced accuracy, with ``chance``, 1 / number of sites) and
        ``site_probe_auroc_<class>`` of the classes that occur at two sites, with 3 subjects each; no columns.
    """
    known = cases.known("latent")
    if not known.any():
        return {}, {}
    summary: Summary = {}
    for c, name in enumerate(context.settings["class_names"]):
        some = known & (cases["label"] == c)
        found = site_probe(cases["latent"][some], cases["site"][some], cases["subject"][some])
        if found is not None:
            summary[f"site_probe_{name}"] = {**score(found.balanced_accuracy, found.cases), "chance": found.chance}
            summary[f"site_probe_auroc_{name}"] = {**score(found.auroc, found.cases), "chance": 0.5}
    return summary, {}
