# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import digamma

from ...utils import binary_entropy
from ..finite import check_numbers
from ..pixel_scores import roc_auc

__all__ = ["RiskCoverage", "error_auroc", "mean_entropy", "risk_coverage"]


def mean_entropy(mean: np.ndarray) -> np.ndarray:
    """Entropy of the mean of an ensemble, in bits, the uncertainty that errors are ranked by.

    The mean is rounded to six digits away from 1/2, so that k/n and 1 - k/n, equally uncertain, have the same entropy.

    Args:
        mean: any shape, [0, 1].

    Returns:
        Float64, same shape, [0, 1].
    """
    certain = 0.5 + np.round(np.abs(np.asarray(mean, np.float64) - 0.5), 6)
    return binary_entropy(torch.from_numpy(certain)).numpy()


def error_auroc(uncertainty: np.ndarray, wrong: np.ndarray) -> float:
    """How well the uncertainty ranks wrong pixels above right ones, as area under the ROC curve.

    Args:
        uncertainty: any shape; higher is less certain.
        wrong: boolean, same shape.

    Returns:
        1: every wrong pixel is less certain than every right one; 0.5: no better than chance; NaN when all or none
        are wrong.
    """
    return roc_auc(uncertainty, wrong)


@dataclass(frozen=True)
class RiskCoverage:
    """Share of wrong pixels among the most certain ones, by how many are kept.

    Args:
        coverage: share of pixels kept, (P,), 0 to 1.
        risk: share of those that is wrong, (P,).
        area: area under the curve of all pixels, lower is better.
    """

    coverage: np.ndarray
    risk: np.ndarray
    area: float


def risk_coverage(uncertainty: np.ndarray, wrong: np.ndarray, points: int = 101) -> RiskCoverage:
    """Risk-coverage curve and its area, AURC (Geifman et al., "Bias-Reduced Uncertainty Estimation", 2019).

    The area is the mean of the risk over coverages 1/M, 2/M, ..., 1 of M pixels. Pixels of equal uncertainty are kept
    in no order: inside such a group of g pixels, w of them wrong, each is wrong by w/g. The sum over the group of
    (W + j w/g) / (B + j), with W wrong among B pixels before it, has a closed form with the digamma function.

    Args:
        uncertainty: any shape; higher is less certain.
        wrong: boolean, same shape.
        points: of the thinned curve.

    Returns:
        Curve and area; at coverage 0 the risk of the most certain group. NaN without pixels.

    Raises:
        DataError: when a value is not finite.
    """
    check_numbers("uncertainties and errors", uncertainty, wrong)
    coverage = np.linspace(0, 1, points)
    uncertainty, wrong = np.asarray(uncertainty).reshape(-1), np.asarray(wrong, bool).reshape(-1)
    if not len(wrong):
        return RiskCoverage(coverage, np.full(points, np.nan), float("nan"))
    order = np.argsort(uncertainty)
    sorted_uncertainty = uncertainty[order]
    last = np.flatnonzero(np.append(sorted_uncertainty[1:] != sorted_uncertainty[:-1], True))
    kept = np.append(0, last + 1).astype(np.float64)
    errors = np.append(0, np.cumsum(wrong[order])[last]).astype(np.float64)
    before, size, rate = kept[:-1], np.diff(kept), np.diff(errors) / np.diff(kept)
    harmonic = digamma(before + size + 1) - digamma(before + 1)
    area = float((size * rate + (errors[:-1] - rate * before) * harmonic).sum() / len(wrong))
    number = coverage * len(wrong)
    risk = np.interp(number, kept, errors) / np.where(number > 0, number, 1)
    return RiskCoverage(coverage, np.where(number > 0, risk, rate[0]), area)
