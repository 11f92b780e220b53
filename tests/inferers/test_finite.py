# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What is no number must be an error in every inferer; whole numbers must give what the same numbers give as floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from torch import nn

from monai_anomaly.inferers import (
    DropoutEnsembleInferer,
    GANTranslationInferer,
    GradCAMInferer,
    LogitEnsembleInferer,
    MaskEnsembleInferer,
    ReconstructionInferer,
    Results,
    SaliencyMapInferer,
    SinglePassInferer,
    SlicewiseInferer,
    SlicewiseMapInferer,
)
from monai_anomaly.utils import DataError

from .tiny_guided import translation


class Convolution(nn.Module):
    """A layer that may be broken: it stands for the networks of all inferers, of one channel."""

    def __init__(self, value: float = 0.0, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.layer = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.layer.weight.data = torch.randn(self.layer.weight.shape, generator=generator) * 0.1
        self.layer.bias.data.fill_(value)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return self.dropout(self.layer(x))

    def translate(self, x: torch.Tensor, target: int) -> torch.Tensor:
        return self(x)


class Classifier(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.features = Convolution(value, 1, 2)

    def forward(self, x: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return self.features(x).square().mean((2, 3))


class Guided(nn.Module):
    """A denoiser and a classifier; one of them broken."""

    def __init__(self, diffusion: float = 0.0, classifier: float = 0.0) -> None:
        super().__init__()
        self.diffusion, self.classifier = Convolution(value=diffusion), Classifier(classifier)

    @property
    def tasks(self) -> dict[str, nn.Module]:
        return {"classifier": self.classifier}


FEW: dict[str, Any] = {"steps": 2, "divisor": 1}
CASES: dict[str, tuple[SlicewiseInferer, Any]] = {
    "single pass": (SinglePassInferer(), Convolution),
    "single pass, binary": (SinglePassInferer(binarize=True), Convolution),
    "dropout": (DropoutEnsembleInferer(num_samples=2), Convolution),
    "logits": (LogitEnsembleInferer(num_samples=2), lambda value: Convolution(value, 1, 2)),
    "masks": (MaskEnsembleInferer(num_samples=2, **FEW), lambda value: Convolution(value, 2, 1)),
    "masks, learned variance": (MaskEnsembleInferer(num_samples=2, **FEW), lambda value: Convolution(value, 2, 2)),
    "masks, ddim": (
        MaskEnsembleInferer(num_samples=2, solver="ddim", clip=False, **FEW),
        lambda value: Convolution(value, 2, 1),
    ),
    "translation": (translation(**FEW), lambda value: Guided(diffusion=value)),
    "translation, clipped": (translation(clip=(-1, 1), **FEW), lambda value: Guided(diffusion=value)),
    "guidance": (translation(clip=(-1, 1), **FEW), lambda value: Guided(classifier=value)),
    "generator": (GANTranslationInferer(divisor=1), Convolution),
    "autoencoder": (ReconstructionInferer(border=1), Convolution),
    "saliency": (SaliencyMapInferer(), lambda value: Guided(classifier=value)),
    "Grad-CAM": (GradCAMInferer("features"), lambda value: Guided(classifier=value)),
}


def images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("case", CASES)
def test_a_network_that_gives_no_numbers_is_an_error(case: str, value: float) -> None:
    inferer, network = CASES[case]
    x = images(2, 1, 8, 8)
    assert all(values.isfinite().all() for values in inferer(x, network(0.0).eval()).values())
    with pytest.raises(DataError, match=r"expected finite results, .* in those of image 0, image 1: the weights"):
        inferer(x, network(value).eval())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_image_with_a_pixel_that_is_no_number_is_an_error(case: str, value: float) -> None:
    inferer, network = CASES[case]
    x = images(3, 1, 8, 8)
    x[1, 0, 2, 2:5] = value
    with pytest.raises(DataError, match=r"expected images of finite values, found 3 that .* in image 1$"):
        inferer(x, network(0.0).eval())


class Half(SlicewiseMapInferer):
    """Maps that are NaN in slices which are bright in the middle."""

    def map_slices(self, x: torch.Tensor, network: Any, index: Sequence[int]) -> Results:
        return {"map": torch.where(x[:, :1].amax((1, 2, 3), keepdim=True) > 5, torch.nan, x[:, :1])}


@pytest.mark.parametrize("batch_size", [2, 16])
def test_slices_and_files_are_named(batch_size: int) -> None:
    inferer, x = Half(batch_size=batch_size), images(2, 1, 4, 4, 3)
    x[0, :, 1, 1, 2] = x[1, :, 1, 1, 0] = 7
    with pytest.raises(DataError, match=r"those of slice 2 of volume 0(, slice 0 of volume 1)?:"):
        inferer(x, None)
    with pytest.raises(DataError, match=r"slice 2 of volume 0 \(/data/a\.nii\.gz\)"):
        inferer(MetaTensor(x[:1], meta={"filename_or_obj": "/data/a.nii.gz"}), None)
    x[1, :, 0, 0, 0] = torch.nan
    outside = Half(slice_range=[2, 3])  # an input is looked at as a whole
    with pytest.raises(
        DataError, match=r"found 1 that are NaN or infinite in slice 0 of volume 1 \(/data/b\.nii\.gz\)"
    ):
        outside(MetaTensor(x, meta={"filename_or_obj": ["/data/a.nii.gz", "/data/b.nii.gz"]}), None)
    many = torch.full((9, 1, 4, 4), torch.nan)
    with pytest.raises(DataError, match=r"found 144 that .* in image 0, image 1, .*, image 4, and 4 more"):
        inferer(many, None)


TYPES = [torch.uint8, torch.int16, torch.int64, torch.bool, torch.float16, torch.bfloat16, torch.float64]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", TYPES)
def test_images_of_any_type_are_computed_as_floats(case: str, dtype: torch.dtype) -> None:
    inferer, network = CASES[case]
    x = ((images(3, 1, 8, 8) + 0.5) * 1.99).clamp(min=0).to(dtype)
    x[1] = 1  # of one intensity
    expected, found = (inferer(v, network(0.0).eval()) for v in (x.float(), x))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert {values.dtype for values in found.values()} == {torch.float32}
    first = next(iter(found.values()))  # the map, or the mean
    assert first[0].any() and not first[1].any()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_a_network_in_double_precision_computes_so(dtype: torch.dtype) -> None:
    x = (images(2, 1, 8, 8) * 9).abs().to(dtype)
    network = Convolution().double().eval()
    expected = network(x.double())
    found = ReconstructionInferer()(x, network)["reconstruction"]
    assert found.dtype == torch.float64 and torch.equal(found, expected)


def test_complex_images_are_refused() -> None:
    with pytest.raises(DataError, match="expected images of real numbers, found complex64"):
        ReconstructionInferer()(images(1, 1, 8, 8).to(torch.complex64), Convolution())


def test_a_classifier_of_one_output_has_no_odds() -> None:
    network = Guided()
    network.classifier.features = Convolution()
    with pytest.raises(DataError, match="two classes or more, found 1 output"):
        SaliencyMapInferer(target=0)(images(1, 1, 8, 8), network)
    for target in (-1, 2):
        with pytest.raises(DataError, match=f"expected the class {target} "):
            SaliencyMapInferer(target=target)(images(1, 1, 8, 8), Guided())
