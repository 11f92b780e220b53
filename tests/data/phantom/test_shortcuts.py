# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What the phantom must not give away: the class by brightness, the lesion by a threshold."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from monai_anomaly.data.phantom import CONTRASTS, make_subject
from monai_anomaly.data.phantom.plan import plan_subjects
from monai_anomaly.data.phantom.uniqueness import brain_scaled

SPACING = 4.0
SLICES = range(10, 33)  # the 42 to 132 mm that are trained on
MEDIAN, MEAN, STD = slice(0, 4), slice(4, 8), slice(8, 12)


@pytest.fixture(scope="module")
def slices():
    """Statistics and pixels of the slices of 120 subjects, as the training sees them."""
    out = SimpleNamespace(whole=[], normal=[], y=[], z=[], subject=[], image=[], change=[], lesion=[])
    for i, p in enumerate(plan_subjects(120, 1, ("tumour",), 0.3, "ABCD", (0.8, 0.07, 0.13))):
        s = make_subject(p.seed, p.site, p.lesion, SPACING)
        image, twin = brain_scaled(s.image, s.mask), brain_scaled(s.twin, s.mask)
        for z in SLICES:
            brain, lesion = s.mask[:, :, z] > 0, s.label[:, :, z] > 0
            if brain.sum() < 150 or 0 < lesion.sum() < 5:
                continue
            x = image[:, :, :, z]
            out.whole.append(statistics(x[:, brain]))
            out.normal.append(statistics(x[:, brain & ~lesion]))
            out.y.append(int(lesion.any()))
            out.z.append(z)
            out.subject.append(i)
            if lesion.any():
                out.image.append(x[:, brain])
                out.change.append(np.abs(x - twin[:, :, :, z]).sum(0)[brain])
                out.lesion.append(lesion[brain])
    for k in ("whole", "normal", "y", "z", "subject"):
        setattr(out, k, np.array(getattr(out, k)))
    return out


def statistics(x):
    return np.concatenate([np.median(x, 1), x.mean(1), x.std(1)])


def auroc(features, slices):
    """Of a logistic regression, cross-validated by subject, on as many slices of each class at each height."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng, chosen = np.random.default_rng(0), []
    for z in np.unique(slices.z):
        classes = [np.flatnonzero((slices.z == z) & (slices.y == y)) for y in (0, 1)]
        n = min(map(len, classes))
        chosen += [rng.choice(c, n, replace=False) for c in classes]
    i = np.concatenate(chosen)
    model = make_pipeline(StandardScaler(), linear_model.LogisticRegression(max_iter=2000))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    # not as `groups`, which skada, once imported, forbids to all of scikit-learn
    splits = list(folds.split(features[i], slices.y[i], slices.subject[i]))
    score = cross_val_predict(model, features[i], slices.y[i], cv=splits, method="decision_function")
    return roc_auc_score(slices.y[i], score)


def oracle_dice(maps, lesions):
    def mean(t):
        return np.mean(
            [2 * ((x > t) & m).sum() / ((x > t).sum() + m.sum()) for x, m in zip(maps, lesions, strict=True)]
        )

    return max(mean(t) for t in np.linspace(0.02, 1, 60))


@pytest.mark.parametrize("which", [MEDIAN, MEAN, STD, slice(0, 12)])
def test_normal_tissue_does_not_tell_the_class(slices, which):
    assert auroc(slices.normal[:, which], slices) <= 0.6


def test_brightness_of_a_slice_does_not_tell_the_class(slices):
    """The median; the mean of a whole slice holds the lesion itself, which no scaling hides, and tells more."""
    assert auroc(slices.whole[:, MEDIAN], slices) <= 0.6
    assert auroc(slices.whole[:, MEAN], slices) <= 0.7


def test_the_probe_can_find_a_shortcut(slices):
    """A lesion widens the histogram, which no scaling can hide; so a leak of this size would be noticed."""
    assert auroc(slices.whole[:, STD], slices) > 0.65
    brighter = slices.normal + 0.08 * slices.y[:, None]
    assert auroc(brighter[:, MEAN], slices) > 0.65


def test_both_classes_are_there_at_every_height_and_healthy_slices_come_from_both_kinds_of_people(slices):
    ill = np.isin(slices.subject, slices.subject[slices.y == 1])
    healthy_of_ill, healthy_of_healthy = ((slices.y == 0) & k for k in (ill, ~ill))
    assert min(healthy_of_ill.sum(), healthy_of_healthy.sum()) > 0.2 * (slices.y == 0).sum()
    for z in np.unique(slices.z):
        at = slices.z == z
        assert 0.05 < slices.y[at].mean() < 0.95


def test_a_threshold_does_not_solve_the_task_but_the_twin_does(slices):
    dice = {c: oracle_dice([x[k] for x in slices.image], slices.lesion) for k, c in enumerate(CONTRASTS)}
    assert 0.5 < dice["flair"] <= 0.75
    assert max(dice["t1"], dice["t1ce"], dice["t2"]) < dice["flair"]
    assert oracle_dice(slices.change, slices.lesion) > 0.85
