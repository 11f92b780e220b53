# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import numpy as np

from ...metrics.segmentation import brier_score, error_auroc, mean_entropy, reliability_bins, risk_coverage
from ...utils import interior
from ..cases import Cases
from ..summary import number, score
from ..task import Columns, Context, Summary

__all__ = ["score_calibration"]


def score_calibration(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """Calibration and uncertainty of the mean of an ensemble at the pixels inside the brain, of all cases together: the
    background would make every model look calibrated.

    Args:
        cases: of one region (K = 1), with ``mean``; those without score nothing.
        context: settings ``background``, ``data_range`` and ``bins``. Whatever the threshold, a pixel is wrong when the
            mean is on the other side of 0.5 than the truth: calibration is that of probabilities.

    Returns:
        Summary, where the entry of ``ece`` has the reliability ``bins``, that of ``aurc`` the curve ``risk_coverage``;
        and no columns.
    """
    if not cases.has("mean"):
        return {}, {}
    settings = context.settings
    brain = interior(cases["image"].astype(np.float32), 0, settings["background"], 0.01 * settings["data_range"])
    mean, truth = cases["mean"][:, :1][brain], cases["mask"][:, :1][brain]

    def pooled(value: float) -> dict[str, Any]:
        return score(value, len(cases), pixels=len(mean))

    reliability = reliability_bins(mean, truth, settings["bins"])
    uncertainty, wrong = mean_entropy(mean), (mean > 0.5) != truth
    curve = risk_coverage(uncertainty, wrong)
    return {
        "ece": {**pooled(reliability.expected_error), "bins": reliability.rows()},
        "ace": pooled(reliability.average_error),
        "mce": pooled(reliability.maximum_error),
        "brier": pooled(brier_score(mean, truth)),
        "error_auroc": pooled(error_auroc(uncertainty, wrong)),
        "aurc": {
            **pooled(curve.area),
            "risk_coverage": {"coverage": curve.coverage.tolist(), "risk": [number(r) for r in curve.risk]},
        },
        "error_rate": pooled(wrong.mean() if len(wrong) else np.nan),
    }, {}
