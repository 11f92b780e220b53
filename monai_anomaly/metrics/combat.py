# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..utils import DataError
from .finite import check_numbers

__all__ = ["ComBat"]

TOLERANCE = 1e-4
"""Relative change of the estimates at which their iteration ends."""
ROUNDS = 1000
LEAST_VARIANCE = 1e-12
"""Of a value; less counts as none, and the value stays as it is."""


@dataclass(frozen=True)
class ComBat:
    """Shift and scale of every site, estimated by empirical Bayes, and taken out of values.

    Johnson, Li and Rabinovic, "Adjusting batch effects in microarray expression data using empirical Bayes methods",
    Biostatistics 8 (2007), section 3.2: value g of sample j of site i is

        Y_ijg = alpha_g + x_j beta_g + sigma_g (gamma_ig + delta_ig eps_ijg),

    with a normal prior on the gamma and an inverse gamma prior on the delta^2 of a site, whose parameters are estimated
    by moments from all values of the site. Made by :py:meth:`fit`.

    Args:
        sites: names.
        alpha: (m,) mean, weighted by the sites' sizes, at the mean of the covariates.
        sigma: (m,) standard deviation within sites.
        gamma: (S, m) shifts.
        delta: (S, m) scales.
        classes: those of the covariate.
        beta: (K, m) effect of each class, against the mean of the covariate.

    Example::

        sites, classes = np.repeat(["A", "B"], 30), np.arange(60) % 2
        values = np.random.randn(60, 5) + 3 * (sites == "B")[:, None] + classes[:, None]
        combat = ComBat.fit(values, sites, classes)
        harmonized = combat.apply(values, sites)
    """

    sites: tuple[str, ...]
    alpha: np.ndarray
    sigma: np.ndarray
    gamma: np.ndarray
    delta: np.ndarray
    classes: tuple[int, ...]
    beta: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, sites: Sequence[str] | np.ndarray, classes: Sequence[int] | np.ndarray) -> ComBat:
        """Estimate the effects of sites, with the class as covariate, whose own effect is kept.

        A site of one class adds nothing to what is known of the class' effect: that comes from the sites with several,
        and where they are small it, and with it the shift of all others, is uncertain.

        Args:
            values: (N, m).
            sites: (N,) names.
            classes: (N,) whole numbers.

        Raises:
            DataError: when a site has one sample only, of which no scale is known; when effects of sites and classes
                cannot be told apart, as no site has several classes; when a value is not finite.
        """
        values, sites, classes = np.asarray(values, np.float64), np.asarray(sites), np.asarray(classes)
        check_numbers("values to harmonize", values)
        names, site, count = np.unique(sites, return_inverse=True, return_counts=True)
        if few := [str(name) for name, n in zip(names, count, strict=True) if n < 2]:
            raise DataError(f"expected at least 2 samples of every site to harmonize, found one of {', '.join(few)}")
        kinds, of_kind = np.unique(classes, return_inverse=True)
        batch, covariate = np.eye(len(names))[site], np.eye(len(kinds))[of_kind]
        center = covariate.mean(0)
        design = np.hstack([batch, (covariate - center)[:, 1:]])  # of K classes, K - 1 are free
        if np.linalg.matrix_rank(design) < design.shape[1]:
            raise DataError(
                "expected sites with several classes, by which the effect of the class is told from that of the site,"
                f" found too few among {', '.join(map(str, names))}"
            )
        effects = np.linalg.lstsq(design, values, rcond=None)[0]
        free = np.vstack([np.zeros_like(effects[:1]), effects[len(names) :]])
        beta = free - center @ free
        alpha = count / len(values) @ effects[: len(names)]
        variance = ((values - design @ effects) ** 2).mean(0)
        sigma = np.sqrt(np.where(variance > LEAST_VARIANCE, variance, 1))
        standard = (values - alpha - covariate @ beta) / sigma
        found = [_site_effect(standard[site == i][:, variance > LEAST_VARIANCE]) for i in range(len(names))]
        gamma, delta = (np.full((len(names), values.shape[1]), fill) for fill in (0.0, 1.0))
        for i, (shift, scale) in enumerate(found):
            gamma[i, variance > LEAST_VARIANCE], delta[i, variance > LEAST_VARIANCE] = shift, scale
        return cls(tuple(map(str, names)), alpha, sigma, gamma, delta, tuple(map(int, kinds)), beta)

    def apply(
        self,
        values: np.ndarray,
        sites: Sequence[str] | np.ndarray,
        classes: Sequence[int] | np.ndarray | None = None,
    ) -> np.ndarray:
        """Values without the effects of their sites.

        Args:
            values: (N, m), of the training samples or of others.
            sites: (N,) names, all of known sites.
            classes: (N,) with them as published: shift and scale are taken out, and the class' effect stays. None:
                unknown, as at test time; the shift alone is taken out, since the scale would be taken out of the class'
                effect as well, which then would tell the site.

        Returns:
            (N, m) float64.

        Raises:
            DataError: when a site or class is unknown.
        """
        values, place = np.asarray(values, np.float64), self._places(sites, self.sites, "sites")
        if classes is None:
            return np.asarray(values - self.sigma * self.gamma[place])
        effect = self.beta[self._places(classes, self.classes, "classes")]
        standard = (values - self.alpha - effect) / self.sigma
        harmonized = self.sigma * (standard - self.gamma[place]) / self.delta[place]
        return np.asarray(harmonized + self.alpha + effect)

    @staticmethod
    def _places(names: Sequence | np.ndarray, known: tuple, what: str) -> list[int]:
        given = np.asarray(names).tolist()
        if unknown := sorted(set(given) - set(known)):
            raise DataError(f"expected {what} of {list(known)}, found {unknown}")
        return [known.index(name) for name in given]


def _site_effect(standard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of one site from its standardized values (n, m): the posterior means of section 3.2, step 3."""
    n, m = standard.shape
    mean, variance = standard.mean(0), standard.var(0, ddof=1)
    if m < 2 or variance.var(ddof=1) == 0:  # no prior can be estimated
        return mean, np.sqrt(np.where(variance > 0, variance, 1))
    prior_mean, prior_variance = mean.mean(), mean.var(ddof=1)
    v, s2 = variance.mean(), variance.var(ddof=1)
    shape, scale = (v**2 + 2 * s2) / s2, (v**3 + v * s2) / s2
    gamma, delta2 = mean, variance
    for _ in range(ROUNDS):
        new_gamma = (n * prior_variance * mean + delta2 * prior_mean) / (n * prior_variance + delta2)
        squares = ((standard - new_gamma) ** 2).sum(0)
        new_delta2 = (scale + squares / 2) / (n / 2 + shape - 1)
        change = max(
            np.abs(new / old - 1).max() for new, old in ((new_gamma, _not_zero(gamma)), (new_delta2, _not_zero(delta2)))
        )
        gamma, delta2 = new_gamma, new_delta2
        if change < TOLERANCE:
            break
    return gamma, np.sqrt(delta2)


def _not_zero(values: np.ndarray) -> np.ndarray:
    return np.where(np.abs(values) > LEAST_VARIANCE, values, LEAST_VARIANCE)
