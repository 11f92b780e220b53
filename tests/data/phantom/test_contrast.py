# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monai_anomaly.data.phantom.contrast import (
    CONTRASTS,
    GRAY,
    SITES,
    TISSUES,
    WHITE,
    Relaxation,
    jitter_site,
    signal_weights,
)

PERSON = list(TISSUES.values())
CSF, VESSEL = 0, list(TISSUES).index("vessel")
T1, T1CE, T2, FLAIR = range(4)


@pytest.mark.parametrize("site", SITES)
def test_every_site_shows_the_contrast_of_its_sequences(site):
    w = signal_weights(SITES[site], PERSON, PERSON)
    assert w.shape == (len(CONTRASTS), len(TISSUES)) and (w >= 0).all()
    assert w[T1, WHITE] > w[T1, GRAY] > w[T1, CSF]
    assert w[T2, CSF] > w[T2, GRAY] > w[T2, WHITE]
    assert w[FLAIR, GRAY] > w[FLAIR, WHITE] > w[FLAIR, CSF]
    assert w[T1CE, VESSEL] > 1.15 * w[T1, VESSEL]
    assert w[T1, WHITE] == pytest.approx(1) and w[T2, GRAY] == pytest.approx(1) and w[FLAIR, GRAY] == pytest.approx(1)


def test_sites_differ_in_contrast():
    tables = [signal_weights(s, PERSON, PERSON)[:, [CSF, GRAY, WHITE]] for s in SITES.values()]
    distance = [np.abs(a - b).max() for i, a in enumerate(tables) for b in tables[:i]]
    assert min(distance) > 0.08


def test_saturation_recovery_by_hand():
    site = replace(SITES["A"], t1=("se", 600, 0, 10))
    tissue = Relaxation(1000, 80, 0.8, dispersion=0)
    ratio = signal_weights(site, [tissue, tissue._replace(t1=500)], PERSON)[T1]
    assert ratio[1] / ratio[0] == pytest.approx((1 - np.exp(-600 / 500)) / (1 - np.exp(-600 / 1000)), rel=1e-5)


def test_t1_shortens_at_low_field_but_not_in_fluid():
    site = replace(SITES["A"], field=1.5, t1=("se", 600, 0, 10))
    high = replace(site, field=3.0)
    tissue, fluid = PERSON[GRAY], PERSON[CSF]
    reference = [Relaxation(1000, 80, 1, dispersion=0)] * len(PERSON)
    low_w, high_w = (signal_weights(s, [tissue, fluid], reference)[T1] for s in (site, high))
    assert low_w[0] > 1.1 * high_w[0]
    assert low_w[1] == pytest.approx(high_w[1], rel=0.03)


def test_inflow_escapes_the_suppression_of_flair_only():
    still, moving = PERSON[CSF], PERSON[CSF]._replace(inflow=0.3)
    w = signal_weights(SITES["A"], [still, moving], PERSON)
    assert w[FLAIR, 1] > 3 * w[FLAIR, 0]
    assert np.array_equal(w[:FLAIR, 0], w[:FLAIR, 1])


def test_protocol_jitter_keeps_the_scanner():
    site = SITES["B"]
    day = jitter_site(site, np.random.default_rng(0))
    assert (day.field, day.noise, day.gain, day.t1[0]) == (site.field, site.noise, site.gain, site.t1[0])
    assert day.t2 != site.t2 and np.allclose(day.t2, site.t2, rtol=0.25)


def test_unknown_sequence():
    with pytest.raises(ValueError, match="mprage, se or spgr"):
        signal_weights(replace(SITES["A"], t1=("epi", 1, 1, 1)), PERSON, PERSON)
