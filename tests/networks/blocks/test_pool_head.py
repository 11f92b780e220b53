# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_anomaly.networks.blocks import GlobalPoolHead, LocalPoolHead


def test_the_mean_starts_at_zero_and_the_smooth_maximum_does_not():
    x = torch.randn(2, 4, 3, 5)
    assert torch.equal(GlobalPoolHead(2, 4, 3)(x), torch.zeros(2, 3))
    assert LocalPoolHead(2, 4, 3)(x).abs().min() > 0


def test_the_first_gradient_of_the_smooth_maximum_favors_places():
    """From zero weights it would be that of a mean: the same at every place."""
    x = torch.randn(1, 8, 6, 6, requires_grad=True)
    torch.manual_seed(0)
    LocalPoolHead(2, 8, 1)(x).sum().backward()
    places = x.grad.norm(dim=1)
    assert places.max() > 3 * places.min()


@pytest.mark.parametrize("head", [GlobalPoolHead, LocalPoolHead])
def test_constant_features_give_the_local_output_at_any_size(head):
    head = head(3, 4, 2)
    torch.nn.init.normal_(head.conv.weight)
    x = torch.randn(2, 4, 1, 1, 1)
    torch.testing.assert_close(head(x.expand(2, 4, 2, 3, 5)), head.conv(x).flatten(1))


def test_local_pool_answers_to_a_small_spot_and_the_mean_hardly():
    x = torch.zeros(1, 1, 16, 16)
    x[..., 3, 4] = 20.0
    answers = []
    for head in (GlobalPoolHead(2, 1, 1), LocalPoolHead(2, 1, 1)):
        torch.nn.init.ones_(head.conv.weight)
        answers.append(head(x).item())
    assert answers[0] == pytest.approx(20 / 256)
    assert answers[1] == pytest.approx(20 - torch.tensor(256.0).log().item(), abs=1e-4)
