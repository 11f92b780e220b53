# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from monai_anomaly.metrics import ComBat
from monai_anomaly.utils import DataError


def make_values(seed: int = 0, people: int = 40, m: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Values of two classes at three sites, of which one has class 0 only; the class' effect; sites and classes."""
    rng = np.random.default_rng(seed)
    sites = np.repeat(["A", "B", "C"], people)
    classes = np.where(sites == "C", 0, np.arange(3 * people) % 2)
    effect = np.random.default_rng(99).normal(size=m)
    place = np.array(["ABC".index(s) for s in sites])
    shift, scale = np.random.default_rng(5).normal(size=(3, m)) * 3, np.array([0.5, 1.0, 2.0])
    values = shift[place] + scale[place, None] * rng.normal(size=(3 * people, m)) + classes[:, None] * effect
    return values, effect, sites, classes


def test_the_site_goes_and_the_class_stays() -> None:
    values, effect, sites, classes = make_values()
    combat = ComBat.fit(values, sites, classes)
    kept = combat.apply(values, sites, classes)
    healthy = {s: kept[(sites == s) & (classes == 0)] for s in "ABC"}
    before = {s: values[(sites == s) & (classes == 0)] for s in "ABC"}
    for s in "BC":
        assert np.abs(healthy[s].mean(0) - healthy["A"].mean(0)).mean() < 0.45
        assert np.abs(before[s].mean(0) - before["A"].mean(0)).mean() > 1.5
        assert healthy[s].std(0).mean() == pytest.approx(healthy["A"].std(0).mean(), rel=0.15)
    assert before["C"].std(0).mean() > 3 * before["A"].std(0).mean()
    found = kept[classes == 1].mean(0) - kept[(classes == 0) & (sites != "C")].mean(0)
    assert np.corrcoef(found, effect)[0, 1] > 0.97 and np.abs(found - effect).mean() < 0.3


def test_parameters_hold_for_people_who_were_not_there() -> None:
    values, _, sites, classes = make_values()
    others, _, same_sites, same_classes = make_values(seed=1)
    kept = ComBat.fit(values, sites, classes).apply(others, same_sites)
    healthy = same_classes == 0
    means = np.stack([kept[healthy & (same_sites == s)].mean(0) for s in "ABC"])
    raw = np.stack([others[healthy & (same_sites == s)].mean(0) for s in "ABC"])
    assert means.std(0).mean() < 0.2 * raw.std(0).mean()


def test_the_effect_of_an_unknown_class_does_not_tell_the_site() -> None:
    """Two far classes, no shift, one site with a wider spread: the class' effect over the spread of its site would tell
    the site."""
    rng = np.random.default_rng(0)
    sites, classes = np.repeat(["A", "B", "C"], 40), np.array([0, 1] * 20 + [1] * 40 + [0] * 40)
    spread = np.where(sites == "A", 1.5, 1.0)[:, None]
    values, others = (10.0 * classes[:, None] + spread * rng.normal(size=(120, 32)) for _ in range(2))
    kept = ComBat.fit(values, sites, classes).apply(others, sites)
    for own in (classes == 0, classes == 1):
        (wide, narrow) = (kept[own & (sites == "A")], kept[own & (sites != "A")])
        assert np.abs(wide.mean(0) - narrow.mean(0)).mean() < 0.6


def test_each_person_is_harmonized_alone() -> None:
    values, _, sites, classes = make_values()
    combat = ComBat.fit(values, sites, classes)
    together = combat.apply(values, sites)
    assert np.allclose(combat.apply(values[7:8], sites[7:8]), together[7:8])


def test_estimates_are_the_posterior_means_of_the_published_model() -> None:
    """Section 3.2, by another way: the pair that satisfies both posterior means is the fixed point of the iteration;
    here it is found, gene by gene, by a minimizer from the priors that the formulas of the paper give."""
    values, _, sites, classes = make_values(people=9)
    combat = ComBat.fit(values, sites, classes)
    exact = {"xatol": 1e-8, "fatol": 1e-14}
    # least squares by the normal equations, with another coding of the same design
    design = np.column_stack([*(sites == s for s in "ABC"), classes == 1]).astype(float)
    effects = np.linalg.solve(design.T @ design, design.T @ values)
    sigma = np.sqrt(((values - design @ effects) ** 2).mean(0))
    grand = np.array([(sites == s).mean() for s in "ABC"]) @ effects[:3]
    standard = (values - grand - np.outer(classes == 1, effects[3])) / sigma
    for i, s in enumerate("ABC"):
        z = standard[sites == s]
        n, mean, variance = len(z), z.mean(0), z.var(0, ddof=1)
        tau2, v, s2 = mean.var(ddof=1), variance.mean(), variance.var(ddof=1)
        shape, scale = v**2 / s2 + 2, v * (v**2 / s2 + 1)
        for g in range(z.shape[1]):

            def gap(x: np.ndarray, g=g, z=z, n=n, mean=mean, tau2=tau2, shape=shape, scale=scale) -> float:
                gamma, delta2 = x[0], np.exp(x[1])
                wanted = (n * tau2 * mean[g] + delta2 * mean.mean()) / (n * tau2 + delta2)
                expected = (scale + ((z[:, g] - gamma) ** 2).sum() / 2) / (n / 2 + shape - 1)
                return (gamma - wanted) ** 2 + (delta2 - expected) ** 2

            found = minimize(gap, [mean[g], np.log(variance[g])], method="Nelder-Mead", options=exact)
            assert found.fun < 1e-10
            assert combat.gamma[i, g] == pytest.approx(found.x[0], abs=1e-3)
            assert combat.delta[i, g] == pytest.approx(np.exp(found.x[1] / 2), rel=1e-3)
    harmonized = sigma * (standard - combat.gamma[["ABC".index(s) for s in sites]])
    harmonized /= combat.delta[["ABC".index(s) for s in sites]]
    expected = harmonized + grand + np.outer(classes == 1, effects[3])
    assert np.allclose(combat.apply(values, sites, classes), expected)


def test_small_sites_are_drawn_to_what_all_values_of_the_site_say() -> None:
    values, _, sites, classes = make_values()
    few = np.flatnonzero((sites != "A") | (np.cumsum(sites == "A") <= 4))
    combat = ComBat.fit(values[few], sites[few], classes[few])
    plain = (values[few] - combat.alpha - combat.beta[classes[few]]) / combat.sigma
    small = plain[sites[few] == "A"].std(0, ddof=1)
    assert combat.delta[0].std() < 0.7 * small.std()


def test_values_without_variance_stay() -> None:
    values, _, sites, classes = make_values()
    values[:, 3] = 2.5
    assert np.allclose(ComBat.fit(values, sites, classes).apply(values, sites)[:, 3], 2.5)


def test_one_sample_and_confounded_designs_are_refused() -> None:
    values, _, sites, classes = make_values()
    alone = np.append(sites, "D")
    with pytest.raises(DataError, match="at least 2 samples of every site to harmonize, found one of D"):
        ComBat.fit(np.vstack([values, values[:1]]), alone, np.append(classes, 0))
    with pytest.raises(DataError, match="sites with several classes"):
        ComBat.fit(values, sites, (sites == "A").astype(int))
    combat = ComBat.fit(values, sites, classes)
    with pytest.raises(DataError, match=r"sites of .*'C'.*, found .*'X'"):
        combat.apply(values[:1], ["X"])
    values[0, 0] = np.nan
    with pytest.raises(DataError, match="1 that are NaN"):
        ComBat.fit(values, sites, classes)
