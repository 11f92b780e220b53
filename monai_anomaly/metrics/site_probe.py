# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .agreement import log_odds
from .finite import check_numbers
from .pixel_scores import roc_auc

__all__ = ["LEAST_SUBJECTS", "SiteProbe", "site_probe"]

LEAST_SUBJECTS = 3
"""Of a site that is probed for."""


class SiteProbe(NamedTuple):
    """How well a linear model reads the site.

    Args:
        balanced_accuracy: mean over the sites of the share of their cases that is told right.
        auroc: mean over the sites of the AUROC of each against all others.
        chance: 1 / number of sites, the balanced accuracy of a guess; an AUROC of 0.5 is one.
        cases: how many were told.
    """

    balanced_accuracy: float
    auroc: float
    chance: float
    cases: int


def site_probe(
    latent: np.ndarray, sites: np.ndarray | Sequence[str], subjects: np.ndarray | Sequence[str], folds: int = 5
) -> SiteProbe | None:
    """How well a linear model reads the site from a latent vector: a domain's traces, as Ben-David et al., "A theory of
    learning from different domains" (2010), measure them by how well a classifier tells domains apart.

    A logistic regression on standardized values, all sites weighted alike, is trained and tested by stratified
    cross-validation in which a subject's cases stay together. Give cases of one class only: where sites differ in
    their classes, the class tells the site. The AUROC is the mean over the folds, since the probabilities of different
    models do not rank together.

    Args:
        latent: (N, m).
        sites: (N,) names; cases with an empty one, and of sites with less than 3 subjects, do not count.
        subjects: (N,) whose each case is.
        folds: at most; the smallest site has a subject in each.

    Returns:
        The scores; None where less than two sites remain. The same cases in the same order give the same numbers.

    Raises:
        DataError: when a value is not finite.

    Example::

        sites = np.repeat(["A", "B"], 20)
        latent = np.random.randn(40, 8) + 5 * (sites == "B")[:, None]
        site_probe(latent, sites, np.arange(40)).balanced_accuracy  # 1.0
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    check_numbers("latent vectors", latent)
    sites, subjects = np.asarray(sites), np.asarray(subjects)
    sizes = {site: len(np.unique(subjects[sites == site])) for site in np.unique(sites) if site}
    kept = [site for site, size in sizes.items() if size >= LEAST_SUBJECTS]
    if len(kept) < 2:
        return None
    some = np.isin(sites, kept)
    values, site, subject = np.asarray(latent, np.float64)[some], sites[some], subjects[some]
    called, aurocs = np.empty_like(site), []
    splitter = StratifiedGroupKFold(min(folds, *(sizes[s] for s in kept)), shuffle=True, random_state=0)
    for train, test in splitter.split(values, site, subject):
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000))
        model.fit(values[train], site[train])
        called[test] = model.predict(values[test])
        logits = model.decision_function(values[test])
        odds = log_odds(logits) if logits.ndim == 2 else np.stack([-logits, logits], 1)
        aurocs += [roc_auc(odds[:, i], site[test] == s) for i, s in enumerate(model.classes_)]
    return SiteProbe(
        float(balanced_accuracy_score(site, called)), float(np.nanmean(aurocs)), 1 / len(kept), int(some.sum())
    )
