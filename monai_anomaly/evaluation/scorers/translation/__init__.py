# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of translated images: what was asked for was reached, and nothing else has changed."""

from __future__ import annotations

from ...cases import Cases
from ...edited import Edited
from ...task import Columns, Context, Summary
from .changes import score_changes
from .identity import score_identity
from .reached import score_masks, score_other, score_value
from .truth import score_truth

__all__ = ["score_translation"]


def score_translation(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """All scores that the cases' fields allow; a score of no case is left out.

    Args:
        cases: see `Translation`.
        context: settings ``data_range``, ``background``, ``margin`` and ``value``.

    Returns:
        Summary and columns of the table of cases.
    """
    edited = Edited.of(cases, context.settings)
    summary: Summary = {}
    columns: Columns = {}
    for scorer in (score_value, score_other, score_masks, score_truth, score_changes, score_identity):
        more, found = scorer(edited, context)
        summary |= more
        columns |= found
    return summary, columns
