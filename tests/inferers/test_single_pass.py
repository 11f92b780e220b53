# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.nets import DynUNet
from torch import nn

from monai_anomaly.inferers import SinglePassInferer
from monai_anomaly.utils import binary_entropy


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_mean_is_the_probability_and_nothing_varies() -> None:
    x = images(5, 2, 7, 6)
    mean, variance, entropy = SinglePassInferer(regions=2, batch_size=2)(x, nn.Identity()).values()
    torch.testing.assert_close(mean, x.sigmoid())
    torch.testing.assert_close(entropy, binary_entropy(x.sigmoid()))
    assert not variance.any()


def test_masks_on_request() -> None:
    x = images(2, 1, 6, 6)
    result = SinglePassInferer(binarize=True, keep_samples=True)(x, nn.Identity())
    expected = (x > 0).float()
    fields = {"mean": expected, "variance": 0 * x, "entropy": 0 * x, "samples": expected[:, None]}
    torch.testing.assert_close(result, fields)


def test_softmax_leaves_the_background_out() -> None:
    x = images(2, 4, 6, 6)
    result = SinglePassInferer("softmax", regions=3)(x, nn.Identity())
    torch.testing.assert_close(result["mean"], x.softmax(1)[:, 1:])


def test_takes_a_dynunet_of_deep_supervision() -> None:
    torch.manual_seed(0)
    network = DynUNet(2, 2, 1, [3] * 3, [1, 2, 2], [2, 2], [4, 4, 8], deep_supervision=True).eval()
    assert SinglePassInferer(divisor=4)(images(1, 2, 7, 9, 3), network)["mean"].shape == (1, 1, 7, 9, 3)


def test_refuses_an_unknown_activation() -> None:
    with pytest.raises(ValueError, match=r"activation must be one of \('sigmoid', 'softmax'\), got 'relu'"):
        SinglePassInferer("relu")
