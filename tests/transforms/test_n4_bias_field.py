# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.data.phantom import PhantomSubject, make_subject
from monai_anomaly.transforms import N4BiasField, N4BiasFieldd
from monai_anomaly.utils import DataError

AFFINE = np.diag([2.0, 2, 2, 1])


@pytest.fixture(scope="module")
def subject() -> PhantomSubject:
    return make_subject(4, "A", None, spacing=2.0)


@pytest.fixture(scope="module")
def corrected(subject: PhantomSubject) -> tuple[np.ndarray, np.ndarray]:
    """T1 without its field, and the field's logarithm."""
    image, field = N4BiasField(shrink=2)(subject.image[:1], subject.mask[None])
    return np.asarray(image), np.asarray(field)


def test_field_is_the_known_one(subject: PhantomSubject, corrected: tuple[np.ndarray, np.ndarray]) -> None:
    inside = subject.mask > 0
    for found, true in zip(corrected[1], np.log(subject.bias[:1]), strict=True):
        assert np.corrcoef(found[inside], true[inside])[0, 1] > 0.9


def test_white_matter_is_more_even_and_as_bright(
    subject: PhantomSubject, corrected: tuple[np.ndarray, np.ndarray]
) -> None:
    white = subject.tissue == 3
    for before, after in zip(subject.image[:1], corrected[0], strict=True):
        assert after[white].std() / after[white].mean() < 0.9 * before[white].std() / before[white].mean()
        assert after[white].mean() == pytest.approx(before[white].mean(), rel=0.1)


def test_image_is_the_corrected_one_times_the_field(
    subject: PhantomSubject, corrected: tuple[np.ndarray, np.ndarray]
) -> None:
    np.testing.assert_allclose(corrected[0] * np.exp(corrected[1]), subject.image[:1], rtol=1e-5)


def test_brightness_of_the_scanner_does_not_matter(subject: PhantomSubject) -> None:
    few = N4BiasField(shrink=2, levels=2, iterations=5)
    one, thousand = (np.asarray(few(k * subject.image[:1], subject.mask[None])[1]) for k in (1.0, 1000.0))
    np.testing.assert_allclose(one, thousand, atol=1e-3)


def test_metadata_is_kept_and_the_field_is_stored(subject: PhantomSubject) -> None:
    sample = {"t1": MetaTensor(subject.image[:1], affine=AFFINE), "brain": torch.from_numpy(subject.mask[None])}
    transform = N4BiasFieldd("t1", mask_key="brain", field_keys="field", shrink=4, levels=1, iterations=2)
    result = transform(sample)
    for key in ("t1", "field"):
        assert isinstance(result[key], MetaTensor) and np.array_equal(result[key].affine, AFFINE)
    assert "field" not in N4BiasFieldd("t1", shrink=4, levels=1, iterations=2)(sample)


def test_thin_stacks_are_shrunk_less(subject: PhantomSubject) -> None:
    few = subject.image[:1, :, :, 20:28]
    field = np.asarray(N4BiasField(levels=2, iterations=5)(few, subject.mask[None, :, :, 20:28])[1])
    assert field.shape == few.shape and np.isfinite(field).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, m: (x * np.nan, m), "expected finite values"),
        (lambda x, m: (x, m * 0), "expected voxels above 0 in the mask, found none"),
        (lambda x, m: (-x, m), "expected voxels above 0 in the mask, found none"),
        (lambda x, m: (x, m[:, :, :-1]), "expected a mask of"),
        (lambda x, m: (x[0], m), r"expected volumes \(C, X, Y, Z\)"),
    ],
)
def test_bad_input(subject: PhantomSubject, change, message: str) -> None:
    image, mask = change(subject.image[:1], subject.mask[None])
    with pytest.raises(DataError, match=message):
        N4BiasField()(image, mask)


def test_settings_without_a_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        N4BiasField(levels=0)
