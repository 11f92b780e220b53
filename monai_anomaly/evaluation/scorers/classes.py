# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from scipy.special import softmax

from ...metrics.agreement import cohen_kappa, log_odds
from ...metrics.pixel_scores import roc_auc
from ..cases import Cases
from ..summary import case_mean, score
from ..task import Columns, Context, Summary

__all__ = ["score_classes"]


def score_classes(cases: Cases, context: Context) -> tuple[Summary, Columns]:
    """Accuracy, balanced accuracy, Cohen's kappa and AUROC of a classification into any number of classes.

    The predicted class has the highest logit. Balanced accuracy is the mean, over the classes that occur, of the share
    of their cases that is predicted right. With two classes AUROC is that of class 1; with more, it is the mean, over
    the classes that occur, of each against all others (Hand and Till, "A simple generalisation of the area under the
    ROC curve", 2001, discuss the choice). Of cases of one class kappa and AUROC say nothing, and are absent.

    Args:
        cases: with ``logits`` (N, K) and ``label`` (N,); a label of -1 is unknown, and such a case does not count.
        context: the interval.

    Returns:
        Summary, where the entry of ``accuracy`` has the ``confusion`` matrix (a row per true class); and columns of the
        table of cases.
    """
    label, logits = cases["label"], cases["logits"].astype(np.float64)
    known = label >= 0
    probability, odds, called = softmax(logits, axis=1), log_odds(logits), logits.argmax(1)
    right = np.where(known, called == label, np.nan)
    count = logits.shape[1]
    confusion = np.zeros((count, count), int)
    np.add.at(confusion, (label[known], called[known]), 1)
    size = confusion.sum(1)
    classes = range(count) if count > 2 else range(1, count)
    aurocs = [roc_auc(odds[known, c], label[known] == c) for c in classes]
    finite = [auroc for auroc in aurocs if np.isfinite(auroc)]
    recall = np.diag(confusion)[size > 0] / size[size > 0]
    true_class = np.take_along_axis(probability, np.maximum(label, 0)[:, None], 1)[:, 0]
    return {
        "accuracy": {**case_mean(right, context.interval), "confusion": confusion.tolist()},
        "balanced_accuracy": score(recall.mean() if len(recall) else np.nan, known.sum()),
        "kappa": score(cohen_kappa(called[known], label[known]) if (size > 0).sum() > 1 else np.nan, known.sum()),
        "auroc": score(float(np.mean(finite)) if finite else np.nan, known.sum()),
    }, {
        "called": called.astype(np.float64),
        "accuracy": right,
        "probability_of_label": np.where(known, true_class, np.nan),
    }
