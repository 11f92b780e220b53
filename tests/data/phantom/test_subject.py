# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from nibabel.orientations import aff2axcodes

from monai_anomaly.data.phantom import SITES, make_subject
from monai_anomaly.data.phantom.contrast import change_site
from monai_anomaly.utils import DataError

ARRAYS = ("image", "twin", "label", "tissue", "mask", "affine", "bias")


@pytest.fixture(scope="module")
def tumor():
    return make_subject(3, "A", "tumour", 4.0)


@pytest.fixture(scope="module")
def ms():
    return make_subject(4, "C", "ms", 4.0)


def test_shapes_types_and_geometry(tumor):
    shape = tumor.mask.shape
    assert tumor.image.shape == tumor.twin.shape == tumor.bias.shape == (4, *shape)
    assert tumor.image.dtype == tumor.twin.dtype == np.float32
    assert tumor.label.dtype == tumor.tissue.dtype == tumor.mask.dtype == np.uint8
    assert aff2axcodes(tumor.affine) == ("R", "A", "S")
    assert np.isfinite(tumor.image).all() and (tumor.image >= 0).all()
    assert not tumor.image[:, tumor.mask == 0].any() and not tumor.label[tumor.mask == 0].any()
    assert set(np.unique(tumor.tissue)) == {0, 1, 2, 3}


@pytest.mark.parametrize("lesion", [None, "tumour", "ms"])
def test_same_arguments_same_subject(lesion):
    a, b = (make_subject(11, "B", lesion, 4.0) for _ in range(2))
    assert all(np.array_equal(getattr(a, k), getattr(b, k)) for k in ARRAYS)


def test_seed_and_site_matter_but_the_person_is_the_same_at_every_site():
    a, b, c = make_subject(1, "A", None, 4.0), make_subject(1, "D", None, 4.0), make_subject(2, "A", None, 4.0)
    assert np.array_equal(a.tissue, b.tissue) and not np.allclose(a.image, b.image)
    assert not np.array_equal(a.tissue, c.tissue)


def test_the_person_is_the_same_at_every_voxel_size():
    fine, coarse = make_subject(5, "A", None, 2.0), make_subject(5, "A", None, 4.0)
    a, b = fine.mask[::2, ::2, ::2], coarse.mask
    a, b = a[: b.shape[0], : b.shape[1], : b.shape[2]], b[: a.shape[0], : a.shape[1], : a.shape[2]]
    assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.97
    other = make_subject(6, "A", None, 4.0).tissue[: b.shape[0], : b.shape[1], : b.shape[2]]
    t = fine.tissue[::2, ::2, ::2][: b.shape[0], : b.shape[1], : b.shape[2]]
    same = coarse.tissue[: b.shape[0], : b.shape[1], : b.shape[2]]
    assert (t == same)[b > 0].mean() > (t == other)[b > 0].mean() + 0.1


def test_a_healthy_subject_is_its_own_twin():
    s = make_subject(8, "B", None, 4.0)
    assert np.array_equal(s.image, s.twin) and not s.label.any()


@pytest.mark.parametrize("site", SITES)
def test_the_twin_is_the_healthy_scan_of_the_same_person(site):
    diseased, healthy = make_subject(9, site, "tumour", 4.0), make_subject(9, site, None, 4.0)
    assert np.array_equal(diseased.twin, healthy.image)
    assert np.array_equal(diseased.mask, healthy.mask) and np.array_equal(diseased.bias, healthy.bias)


def test_tumor_has_the_classes_of_brats_and_far_from_it_nothing_changes(tumor):
    assert {1, 2} <= set(np.unique(tumor.label)) <= {0, 1, 2, 4}
    where = np.argwhere(tumor.label > 0)
    far = np.linalg.norm(np.argwhere(tumor.mask > 0) - where.mean(0), axis=1) * 4 > 100
    change = np.abs(tumor.image - tumor.twin)[:, tumor.mask > 0]
    inside = np.abs(tumor.image - tumor.twin)[:, tumor.label > 0]
    assert far.sum() > 100
    assert change[:, far].mean() < 0.02 * inside.mean()


def test_mass_effect_moves_tissue_away_from_the_tumor():
    s = make_subject(3, "A", "tumour", 3.0)
    healthy = make_subject(3, "A", None, 3.0)
    outside = (s.label == 0) & (s.mask > 0)
    assert 0 < (s.tissue != healthy.tissue)[outside].mean() < 0.1


def test_enhancing_part_is_bright_after_contrast_agent_only():
    for seed in range(30):
        s = make_subject(seed, "A", "tumour", 4.0)
        if (s.label == 4).sum() >= 20:
            break
    t1, t1ce = (s.image[k][s.label == 4].mean() / s.twin[k][s.label == 4].mean() for k in (0, 1))
    assert t1ce > t1 + 0.2


def test_tumors_look_different():
    shares = np.array([[(make_subject(s, "A", "tumour", 5.0).label == c).sum() for c in (1, 2, 4)] for s in range(12)])
    assert (shares[:, 2] == 0).any() and (shares[:, 2] > 5).any()  # some do not enhance
    assert shares.sum(1).max() > 2 * shares.sum(1).min() > 0


def test_ms_lesions_are_bright_on_flair_and_the_rest_is_the_twin(ms):
    assert set(np.unique(ms.label)) == {0, 5}
    lesion = ms.label == 5
    assert ms.image[3][lesion].mean() > 1.1 * ms.twin[3][lesion].mean()
    assert (ms.image == ms.twin).all(0)[ms.mask > 0].mean() > 0.8
    assert (ms.tissue[lesion] == 3).mean() > 0.6


def test_bias_is_smooth_positive_and_explains_shading(tumor):
    assert (tumor.bias > 0).all()
    assert np.abs(np.diff(np.log(tumor.bias), axis=1)).max() < 0.1
    white = tumor.tissue * (tumor.label == 0) == 3
    raw, corrected = tumor.image[0][white], (tumor.image / tumor.bias)[0][white]
    assert corrected.std() / corrected.mean() < raw.std() / raw.mean()


@pytest.mark.parametrize("bad", [{"seed": -1}, {"site": "Z"}, {"lesion": "stroke"}, {"spacing": 50.0}])
def test_bad_arguments_are_named(bad):
    with pytest.raises(DataError, match=next(iter(bad))):
        make_subject(**{"seed": 0, **bad})


def test_nilearn_is_read_but_not_imported():
    code = "import sys; from monai_anomaly.data.phantom import make_subject; make_subject(0, spacing=6.0); "
    subprocess.run([sys.executable, "-c", code + "assert 'nilearn' not in sys.modules"], check=True)


def test_a_milder_ms_has_some_of_the_lesions_and_nothing_else_changes(ms):
    mild, severe = (make_subject(4, "C", "ms", 4.0, severity=factor) for factor in (0.4, 2.0))
    sizes = [int((s.label > 0).sum()) for s in (mild, ms, severe)]
    assert 0 < sizes[0] < sizes[1] < sizes[2]
    assert (ms.label > 0)[mild.label > 0].all() and (severe.label > 0)[ms.label > 0].all()
    assert np.array_equal(mild.twin, ms.twin) and np.array_equal(severe.twin, ms.twin)
    only_severe = (ms.image != ms.twin).any(0) & (mild.image == mild.twin).all(0)
    assert only_severe.any()
    assert not ((mild.image != mild.twin).any(0) & (ms.image == ms.twin).all(0)).any()


@pytest.mark.parametrize(("lesion", "severity"), [("ms", 0.0), ("ms", 5.0), ("tumour", 0.5), (None, 2.0)])
def test_a_severity_that_is_none(lesion, severity):
    with pytest.raises(DataError, match="phantom severity"):
        make_subject(0, "A", lesion, 6.0, severity=severity)


def test_larger_ms_lesions_of_the_same_person():
    usual, large = (make_subject(4, "C", "ms", 4.0, size=factor) for factor in (1.0, 1.5))
    assert (large.label > 0).sum() > 1.5 * (usual.label > 0).sum()
    assert np.array_equal(large.twin, usual.twin) and np.array_equal(large.mask, usual.mask)


def test_a_changed_scanner_scans_the_same_person():
    usual = make_subject(4, "C", "ms", 6.0)
    noisy = make_subject(4, "C", "ms", 6.0, scanner=change_site("C", {"noise": 0.3, "gamma": 1.0}))
    assert np.array_equal(usual.label, noisy.label) and np.array_equal(usual.mask, noisy.mask)
    rough = [np.abs(np.diff(s.image[3] / s.image[3].mean(), axis=0))[:, 20:30].mean() for s in (usual, noisy)]
    assert rough[1] > 1.3 * rough[0]
    same = make_subject(4, "C", "ms", 6.0, scanner=change_site("C", {}))
    assert np.array_equal(usual.image, same.image)


@pytest.mark.parametrize(
    ("name", "change"), [("X", {}), ("C", {"color": 1}), ("C", {"noise": "loud"}), ("C", {"flair": [9000]})]
)
def test_a_scanner_that_is_none(name, change):
    with pytest.raises(DataError, match="phantom scanners"):
        change_site(name, change)
