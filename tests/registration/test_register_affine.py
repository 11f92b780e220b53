# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from monai_anomaly.data.phantom import make_subject
from monai_anomaly.registration import Volume, load_brain_template, register_affine, register_session

TEMPLATE = load_brain_template()
POINTS = np.asarray(TEMPLATE.image.points(TEMPLATE.brain))[::500].astype(float)


def moved_by(degrees: tuple[float, ...], shift: tuple[float, ...], scale: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = scale * Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    matrix[:3, 3] = shift
    return matrix


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance over the brain, in mm."""
    return float(np.linalg.norm(((one - other)[:3] @ np.c_[POINTS, np.ones(len(POINTS))].T), axis=0).mean())


@pytest.mark.parametrize(
    ("contrast", "site", "degrees", "shift", "scale"),
    [(0, "A", (20, -15, 10), (20, -20, 5), 0.9), (3, "C", (-35, 20, 35), (60, -50, 60), 1.1)],
)
def test_a_brain_of_the_templates_shape_is_found_wherever_it_lies(
    contrast: int, site: str, degrees: tuple, shift: tuple, scale: float
) -> None:
    person = make_subject(5, site, None, spacing=3.0, deformation=0.0)
    matrix = moved_by(degrees, shift, scale)
    scan = Volume(person.image[contrast] * (person.mask > 0), matrix @ person.affine)
    found = register_affine(TEMPLATE.image, scan, TEMPLATE.brain_and_ring)
    assert apart(found.matrix, matrix) < 1.5
    assert found.determinant == pytest.approx(scale**3, rel=0.05) and found.disagreement < 1.0


def test_rigid_registration_keeps_sizes() -> None:
    person = make_subject(5, "A", None, spacing=4.0, deformation=0.0)
    scan = Volume(person.image[0] * (person.mask > 0), moved_by((5, 0, 0), (5, 0, 0), 1.1) @ person.affine)
    found = register_affine(TEMPLATE.image, scan, TEMPLATE.brain_and_ring, degrees_of_freedom=6, max_rotation=0)
    np.testing.assert_allclose(found.matrix[:3, :3] @ found.matrix[:3, :3].T, np.eye(3), atol=1e-5)


def test_contrasts_of_a_session_are_registered_rigidly() -> None:
    person = make_subject(6, "B", None, spacing=3.0)
    matrix = moved_by((3, -2, 4), (4, -3, 6), 1.0)
    t1, flair = (Volume(person.image[c], a) for c, a in ((0, person.affine), (3, matrix @ person.affine)))
    found = register_session(t1, flair, person.mask > 0)
    points = np.asarray(t1.points(person.mask > 0))[::50].astype(float)
    difference = (found.matrix - matrix)[:3] @ np.c_[points, np.ones(len(points))].T
    assert np.linalg.norm(difference, axis=0).mean() < 1.0


def test_other_degrees_of_freedom_are_refused() -> None:
    with pytest.raises(ValueError, match="degrees_of_freedom"):
        register_affine(TEMPLATE.image, TEMPLATE.image, TEMPLATE.brain, degrees_of_freedom=9)
