# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from nibabel.orientations import aff2axcodes

from monai_anomaly.data.phantom import template
from monai_anomaly.utils import DataError


def test_maps_are_probabilities_of_a_brain_in_ras():
    t = template.load_template(3.0)
    total = t.csf + t.gm + t.wm
    assert t.shape == (54, 66, 55)
    assert min(m.min() for m in (t.csf, t.gm, t.wm)) >= 0 and total.max() <= 1 + 1e-5
    assert 1500 < total.sum() * 0.027 < 2200  # mL
    assert aff2axcodes(t.affine) == ("R", "A", "S")
    assert np.allclose(np.diag(t.affine)[:3], 3)


def test_no_brain_is_cut_by_the_field_of_view():
    total = sum(getattr(template.load_template(3.0), k) for k in ("csf", "gm", "wm"))
    faces = [total.take(i, axis) for axis in range(3) for i in (0, -1)]
    assert max(face.max() for face in faces) < 0.05


def test_ventricles_are_fluid_near_the_midline_and_symmetric():
    t = template.load_template(3.0)
    assert np.all(t.ventricle <= t.csf + 0.2)
    assert 10 < t.ventricle.sum() * 0.027 < 60  # mL
    x = t.affine[0, 3] + 3 * np.nonzero(t.ventricle > 0.5)[0]
    assert abs(x.mean()) < 3


@pytest.mark.parametrize("spacing", [0.0, -1.0, 20.0])
def test_impossible_spacing(spacing):
    with pytest.raises(DataError, match="spacing"):
        template.load_template(spacing)
