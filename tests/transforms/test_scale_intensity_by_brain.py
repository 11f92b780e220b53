# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_anomaly.transforms import LoadModalities, ScaleIntensityByBrain, ScaleIntensityByBraind
from monai_anomaly.utils import INTENSITY_WIDTH, DataError, ScalingWarning, scaling_note

MODES = ("median", "percentile")


def _brain(seed: int = 0, channels: int = 2) -> torch.Tensor:
    """A ball of tissue (500 +- 50) in a background of 0, (C, 24, 24, 24)."""
    rng = np.random.default_rng(seed)
    inside = np.linalg.norm(np.indices((24, 24, 24)) - 11.5, axis=0) < 10
    return torch.from_numpy((inside * rng.normal(500, 50, (channels, 24, 24, 24))).astype(np.float32))


@pytest.mark.parametrize("mode", MODES)
def test_the_gain_of_each_channel_cancels(mode: str) -> None:
    image = _brain()
    gain = torch.tensor([0.01, 300.0]).reshape(2, 1, 1, 1)
    scale = ScaleIntensityByBrain(mode)
    torch.testing.assert_close(scale(image * gain), scale(image), rtol=1e-4, atol=1e-5)


def test_a_bright_lesion_moves_the_percentile_but_not_the_median() -> None:
    image = _brain()
    flat = image.clone().flatten(1)
    for channel in flat:
        tissue = torch.nonzero(channel)[:, 0]
        channel[tissue[::20]] *= 2.0  # 5 % of the brain
    lesion = flat.reshape(image.shape)
    healthy = (image > 0) & (lesion == image)

    def shift(mode: str) -> float:
        scale = ScaleIntensityByBrain(mode, lower=None)
        return float((scale(lesion)[healthy].mean() / scale(image)[healthy].mean()) - 1)

    assert abs(shift("median")) < 0.01
    assert shift("percentile") < -0.3


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("b_min", "b_max"), [(0.0, 1.0), (-1.0, 1.0)])
def test_range_and_background(mode: str, b_min: float, b_max: float) -> None:
    image = _brain()
    image[image == 0] = -12.0  # as resampling by splines leaves it
    out = ScaleIntensityByBrain(mode, b_min=b_min, b_max=b_max)(image)
    assert (out[image <= 0] == b_min).all()
    assert float(out.min()) >= b_min and float(out.max()) <= b_max


def test_the_ends_are_where_they_are_said_to_be() -> None:
    image = torch.arange(1.0, 1002.0).reshape(1, 7, 11, 13)
    by_percentile = ScaleIntensityByBrain("percentile", lower=10, upper=90)(image)
    assert int((by_percentile == 0).sum()) == int((by_percentile == 1).sum()) == 101
    by_median = ScaleIntensityByBrain("median", factor=2.5)(image)
    torch.testing.assert_close(by_median, image / (2.5 * 501))
    only_divided = ScaleIntensityByBrain("percentile", lower=None, upper=100)(image)
    torch.testing.assert_close(only_divided, image / 1001)


@pytest.mark.parametrize("mode", MODES)
def test_statistics_are_those_of_the_volume_not_of_a_slice(mode: str) -> None:
    image = _brain(channels=1)
    image[..., 12:] *= 3
    scale = ScaleIntensityByBrain(mode)
    dark_slice = image[..., 6]
    assert float(scale(image)[..., 6].mean()) < 0.7 * float(scale(dark_slice).mean())


def test_a_mask_names_the_brain() -> None:
    image = _brain(channels=1)
    mask = (image > 0).float()
    skull = image.clone()
    skull[:, 0] = 5000.0
    sample = {"image": MetaTensor(skull, meta={"filename_or_obj": "a.nii"}), "brain": mask}
    out = ScaleIntensityByBraind("image", mask_key="brain")(sample)["image"]
    torch.testing.assert_close(out.as_tensor(), ScaleIntensityByBrain()(image))
    assert isinstance(out, MetaTensor) and out.meta["filename_or_obj"] == "a.nii"


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_whole_numbers_become_float(dtype: torch.dtype) -> None:
    image = (_brain() / 4).to(dtype)
    out = ScaleIntensityByBrain()(image)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, ScaleIntensityByBrain()(image.float()))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("offset", [3e-5, -0.01, -1024.0])
def test_a_constant_around_the_brain_is_not_brain_whatever_it_is(mode: str, offset: float) -> None:
    image = _brain()
    out = ScaleIntensityByBrain(mode)(image + offset)
    torch.testing.assert_close(out, ScaleIntensityByBrain(mode)(image), rtol=1e-3, atol=1e-3)
    assert (out[image == 0] == 0).all()


@pytest.mark.filterwarnings("error")
def test_noise_around_the_brain_does_not_move_its_scale() -> None:
    image = _brain(channels=1)
    noisy = torch.hypot(image + 12 * torch.randn(image.shape), 12 * torch.randn(image.shape))
    out, exact = ScaleIntensityByBrain()(noisy), ScaleIntensityByBrain()(image)
    assert abs(float(out[image > 0].median()) - float(exact[image > 0].median())) < 0.01
    assert float((out[image == 0] == 0).float().mean()) > 0.99


def test_suspicious_intensities_are_told_with_the_file_and_the_number() -> None:
    image = MetaTensor(_brain(channels=1), meta={"filename_or_obj": "a.nii"})
    noise = 0.1 + torch.rand(image.shape)  # taken for brain, as the caller says so
    with pytest.warns(
        ScalingWarning, match=r"a\.nii: 3\d% of the foreground lies at an end .*, 100\.0% of the image"
    ) as told:
        out = ScaleIntensityByBrain(background=0.0)(image + noise)
    text, share = scaling_note(out)
    assert len(told) == 1 and text == str(told[0].message) and 0.3 < share < 0.4
    assert scaling_note(ScaleIntensityByBrain()(image)) == ("", 0.0)


def test_intensities_that_the_median_cannot_scale_are_refused() -> None:
    image = MetaTensor(_brain(channels=1), meta={"filename_or_obj": "a.nii"})
    scored = torch.where(image > 0, (image - 500) / 50, 0.0)
    with pytest.raises(DataError, match=r"a\.nii: expected intensities above .* as after a z-score"):
        ScaleIntensityByBrain()(scored)
    out = ScaleIntensityByBrain("percentile")(scored)
    torch.testing.assert_close(out, ScaleIntensityByBrain("percentile")(image), rtol=1e-3, atol=1e-3)
    image[0, 3, 3, 3] = float("nan")
    with pytest.raises(DataError, match=r"a\.nii: expected finite intensities"):
        ScaleIntensityByBrain()(image)


def test_nothing_to_scale_names_the_file() -> None:
    empty = MetaTensor(torch.zeros(1, 4, 4, 4), meta={"filename_or_obj": "a.nii"})
    with pytest.raises(DataError, match=r"a\.nii: expected brain voxels > 0, found none"):
        ScaleIntensityByBrain()(empty)
    with pytest.raises(DataError, match=r"a\.nii: expected brain voxels > 3, found none"):
        ScaleIntensityByBrain("percentile")(empty + 3)
    with pytest.raises(DataError, match=r"a\.nii: expected a range of brain intensities, found 3 to 3"):
        ScaleIntensityByBrain("percentile")(empty + 3, torch.ones(1, 4, 4, 4))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="slice"):
        ScaleIntensityByBrain("slice")
    with pytest.raises(ValueError, match="percentiles"):
        ScaleIntensityByBrain("percentile", lower=99, upper=1)


def test_real_brain_with_negative_values(shared: Callable[[str], Path]) -> None:
    image = LoadModalities()(shared("realdata/open_ms/cross_mni/p07/t1.nii.gz"))
    assert float(image.min()) < -10
    out = ScaleIntensityByBrain()(image)
    assert float(out.min()) == 0 and 0.9 < float(out.max()) <= 1
    assert float(out[image > 0].median()) == pytest.approx(1 / 2.2, abs=1e-4)


@pytest.mark.parametrize("mode", ["median", "percentile"])
def test_a_difference_can_be_scaled_back(mode: str) -> None:
    image = MetaTensor(torch.zeros(2, 12, 12, 12))
    image[:, 2:10, 2:10, 2:10] = 100 + 20 * torch.rand(2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    image[1] *= 7
    scaled = ScaleIntensityByBrain(mode, b_min=-1, b_max=1)(image)
    inside = (scaled > -0.99).all(0) & (scaled < 0.99).all(0)
    width = torch.as_tensor(scaled.meta[INTENSITY_WIDTH]).float()[:, None]
    one, back = image.as_tensor()[:, inside], scaled.as_tensor()[:, inside] / 2 * width
    torch.testing.assert_close(back - back[:, :1], one - one[:, :1], atol=1e-2, rtol=1e-4)
