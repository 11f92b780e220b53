# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import warnings

import numpy as np
from scipy.special import log_softmax

from ...metrics import ComBat
from ...utils import DataError
from ..cases import Cases
from ..task import MethodCases

__all__ = ["harmonized_cases"]

LEAST_PROBABILITY = 1e-12


def harmonized_cases(test: Cases, training: Cases) -> MethodCases | None:
    """Cases as a logistic regression classifies them by their latent without its site's shift.

    `ComBat` is estimated on the training cases, with their class as covariate. The class of a test case is not known,
    so the shift alone is taken out, of all; the regression is trained on what is left of the training cases.

    Args:
        test: cases with ``latent``; those of sites that ComBat does not know are not scored.
        training: those of the training set.

    Returns:
        The cases with other ``logits`` (log-probabilities) and ``latent``; ``about`` has the sites that ComBat knows,
        those with several classes, from which alone the effect of the class is known, and those left out. None, with a
        warning, where sites and classes cannot be told apart.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    label, site = training["label"], training["site"]
    counts = {s: int(((site == s) & (label >= 0)).sum()) for s in dict.fromkeys(site.tolist()) if s}
    several = [s for s, count in counts.items() if count > 1]
    used = np.isin(site, several) & (label >= 0)
    values, site, label = training["latent"][used], site[used], label[used]
    try:
        if len(set(label)) < 2:
            raise DataError(f"expected training cases of two classes at sites with several, found {len(set(label))}")
        combat = ComBat.fit(values, site, label)
    except DataError as error:
        warnings.warn(f"ComBat is left out: {error}", stacklevel=2)
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(combat.apply(values, site), label)
    known = np.isin(test["site"], combat.sites)
    latent: list[np.ndarray | None] = [None] * len(test)
    logits = np.zeros_like(test["logits"], np.float64)
    if known.any():
        harmonized = combat.apply(test["latent"][known], test["site"][known])
        decided = model.decision_function(harmonized)
        two = np.stack([np.zeros_like(decided), decided], 1) if decided.ndim == 1 else decided
        found = np.full_like(logits[known], np.log(LEAST_PROBABILITY))  # of a class that was not trained
        found[:, model.classes_] = log_softmax(two, axis=1)
        logits[known] = found
        for i, vector in zip(np.flatnonzero(known), harmonized, strict=True):
            latent[i] = vector.astype(np.float32)
    cases = test.replace(
        logits=logits,
        latent=latent,
        label=np.where(known, test["label"], -1),
        distance=None,
    )
    mixed = [s for s in combat.sites if len(set(label[site == s])) > 1]
    return MethodCases(
        cases, about={"sites": list(combat.sites), "class_effect_from": mixed, "not_scored": int((~known).sum())}
    )
