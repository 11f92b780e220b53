# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter

from monai_anomaly.data.phantom import make_subject
from monai_anomaly.registration import AffineRegistration
from monai_anomaly.transforms import RegisterSession, RegisterSessiond, RegisterToTemplate, RegisterToTemplated
from monai_anomaly.utils import DataError


def sample(shift: float = 0.0) -> dict[str, MetaTensor]:
    person = make_subject(7, "A", None, spacing=4.0)
    affine = torch.from_numpy(person.affine.copy())
    affine[:3, 3] += shift
    images = {"t1": person.image[:1], "flair": person.image[3:], "brain": person.mask[None]}
    return {k: MetaTensor(torch.from_numpy(v.astype(np.float32)), affine=affine.clone()) for k, v in images.items()}


@pytest.fixture(scope="module")
def registered() -> tuple[RegisterToTemplated, dict]:
    transform = RegisterToTemplated(["t1", "flair", "brain"], "t1")
    return transform, transform(sample(shift=15.0))


def test_all_images_move_alike_and_quality_is_reported(registered) -> None:
    _, d = registered
    assert torch.equal(d["t1"].affine, d["flair"].affine)
    assert torch.equal(d["t1"].as_tensor(), sample()["t1"].as_tensor())
    report = d["registration_report"]
    assert report["overlap"] > 0.93 and 0.7 < report["determinant"] < 1.1 and report["disagreement_mm"] < 2
    np.testing.assert_allclose(d["template_to_scan"][:3, 3], 15, atol=12)


def test_images_move_back(registered) -> None:
    transform, d = registered
    back = transform.inverse(d)
    np.testing.assert_allclose(back["flair"].affine, sample(shift=15.0)["flair"].affine, atol=1e-9)


@pytest.mark.parametrize("kind", ["empty", "noise"])
def test_what_is_no_brain_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).random((1, 40, 40, 40)).astype(np.float32)
    values = 0 * noise if kind == "empty" else (gaussian_filter(noise, 3) > 0.503).astype(np.float32)
    d = {"t1": MetaTensor(torch.from_numpy(values), affine=torch.diag(torch.tensor([4.0, 4, 4, 1])))}
    with pytest.raises(DataError, match="expected a brain"):
        RegisterToTemplated("t1", "t1", mask_key=None)(d)


def test_images_on_one_grid_are_left_alone() -> None:
    d = RegisterSessiond(["t1", "flair"], "t1")(sample())
    assert d["session_report"] == {} and not d["flair"].applied_operations


def test_a_scan_that_lies_elsewhere_comes_to_the_reference_and_back() -> None:
    d = sample()
    d["flair"].affine[:3, 3] += torch.tensor([6.0, -4, 3])
    before = d["flair"].affine.clone()
    transform = RegisterSessiond(["t1", "flair"], "t1")
    moved = transform(d)
    assert moved["session_report"]["flair"]["moved_mm"] == pytest.approx(np.linalg.norm([6, -4, 3]), abs=1.5)
    assert (moved["flair"].affine - moved["t1"].affine)[:3, 3].norm() < 3
    np.testing.assert_allclose(transform.inverse(moved)["flair"].affine, before, atol=1e-9)


def test_a_header_without_an_origin_is_no_obstacle() -> None:
    d = sample()
    d["flair"].affine[:3, 3] += 300.0
    moved = RegisterSessiond(["t1", "flair"], "t1")(d)
    assert moved["session_report"]["flair"]["moved_mm"] == pytest.approx(300 * 3**0.5, abs=3)
    assert (moved["flair"].affine - moved["t1"].affine)[:3, 3].norm() < 3


@pytest.mark.parametrize(("disagreement", "shift"), [(9.0, 0.0), (0.0, 100.0)])
def test_a_registration_that_is_not_sure_is_refused(monkeypatch, disagreement: float, shift: float) -> None:
    matrix = np.eye(4)
    matrix[0, 3] = shift
    found = AffineRegistration(matrix, 0.5, disagreement)
    monkeypatch.setattr("monai_anomaly.transforms.register_session.register_session", lambda *args: found)
    d = sample()
    d["flair"].affine[:3, 3] += 1.0
    with pytest.raises(DataError, match="found no registration that is sure"):
        RegisterSession()(d["flair"], d["t1"], d["brain"])


def test_the_array_transform_moves_one_image(registered) -> None:
    d = sample(shift=15.0)
    transform = RegisterToTemplate()
    moved, matrix, report = transform(d["t1"], d["brain"])
    assert report == registered[1]["registration_report"]
    np.testing.assert_array_equal(matrix, registered[1]["template_to_scan"])
    np.testing.assert_allclose(transform.inverse(moved).affine, d["t1"].affine, atol=1e-9)
