# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from ...metrics.agreement import cohen_kappa
from ...metrics.pixel_scores import roc_auc
from ..cases import Cases
from ..disease import diseased, healthy
from ..summary import case_mean, score
from ..task import Columns, Context, Summary

__all__ = ["CUT", "score_diagnosis"]

CUT = 0.5
"""An image with a higher probability is called diseased."""


def score_diagnosis(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """AUROC, accuracy and kappa of a classifier's probabilities of disease (thesis ch. 6, Table 2).

    Args:
        cases: some with ``probability``, or they score nothing; cases that are neither diseased nor healthy do not
            count.
        context: setting ``min_lesion_pixels``.

    Returns:
        Summary and columns of the table of cases.
    """
    if not cases.known("probability").any():
        return {}, {}
    probability, sick = cases["probability"], diseased(cases, context.settings["min_lesion_pixels"])
    known = np.isfinite(probability) & (sick | healthy(cases))
    called = probability > CUT
    return {
        "image_auroc_classifier": score(roc_auc(probability[known], sick[known]), known.sum()),
        "image_accuracy_classifier": case_mean(np.where(known, called == sick, np.nan), context.interval),
        "image_kappa_classifier": score(cohen_kappa(called[known], sick[known]), known.sum()),
    }, {"classifier_probability": probability}
