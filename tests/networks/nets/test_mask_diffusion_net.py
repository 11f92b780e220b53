# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.nets import DiffusionModelUNet
from torch import nn

from monai_anomaly.diffusion import NoiseSchedule
from monai_anomaly.networks.nets import MaskDiffusionNet


def unet(channels: int, regions: int) -> DiffusionModelUNet:
    return DiffusionModelUNet(
        2, channels + regions, 2 * regions, num_res_blocks=1, channels=(8, 16), attention_levels=(False, True),
        norm_num_groups=8, num_head_channels=8,
    )  # fmt: skip


def test_parameters_of_the_thesis() -> None:
    """The UNet of the published code: 5 channels in, 2 out, no class."""
    levels = (128, 128, 256, 256, 512, 512)
    attention = (False, False, False, False, True, False)
    with torch.device("meta"):
        unet = DiffusionModelUNet(2, 5, 2, 2, levels, attention, norm_eps=1e-5, num_head_channels=levels)
        network = MaskDiffusionNet(unet)
    assert sum(p.numel() for p in network.parameters()) == 113_674_370


@pytest.mark.parametrize("regions", [1, 3])
def test_forward_passes(regions) -> None:
    network = MaskDiffusionNet(unet(4, regions), regions).eval()
    with torch.no_grad():
        output = network(torch.rand(2, 4 + regions, 8, 8), torch.tensor([3, 999]))
        view = network(torch.rand(2, 4, 8, 8))
    assert output.shape == (2, 2 * regions, 8, 8)
    assert view.shape == (2, regions, 8, 8) and view.min() >= 0 and view.max() <= 1


@pytest.mark.parametrize("mask_range", [(-1.0, 1.0), (0.0, 1.0)])
def test_export_view_is_the_predicted_clean_mask(mask_range) -> None:
    class Half(nn.Module):
        def forward(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
            assert (timesteps == 24).all() and x[:, -1].abs().max() == 0
            return torch.full_like(x[:, -1:], sum(mask_range) / 2)

    network = MaskDiffusionNet(Half(), prediction="sample", mask_range=mask_range, schedule=NoiseSchedule(25))
    assert torch.equal(network(torch.rand(1, 4, 8, 8)), torch.full((1, 1, 8, 8), 0.5))


@pytest.mark.parametrize("mask_range", [(-0.25, 0.25), (0.0, 1.0)])
def test_a_bounded_mask_is_the_sigmoid_of_the_output_in_its_range(mask_range) -> None:
    torch.manual_seed(0)
    inner = unet(4, 1)
    nn.init.normal_(inner.out[-1].conv.weight)
    options = {"prediction": "sample", "mask_range": mask_range}
    bounded, plain = (MaskDiffusionNet(inner, bounded=b, **options).eval() for b in (True, False))
    x, t = torch.rand(2, 5, 8, 8), torch.tensor([3, 999])
    mask, variance = bounded(x, t).split(1, dim=1)
    logits, unchanged = plain(x, t).split(1, dim=1)
    low, high = mask_range
    torch.testing.assert_close((mask - low) / (high - low), logits.sigmoid())
    assert torch.equal(variance, unchanged)
    view = bounded(torch.rand(2, 4, 8, 8))
    assert 0 < view.min() < view.max() < 1  # nothing is clamped
    with pytest.raises(ValueError, match="bounded needs prediction='sample', got 'epsilon'"):
        MaskDiffusionNet(inner, bounded=True)


def test_activation_checkpointing_changes_no_gradient() -> None:
    torch.manual_seed(0)
    plain = MaskDiffusionNet(unet(1, 1))
    nn.init.normal_(plain.diffusion.out[-1].conv.weight)
    saving = MaskDiffusionNet(unet(1, 1), activation_checkpointing=True)
    saving.load_state_dict(plain.state_dict())
    x, t = torch.rand(2, 2, 8, 8), torch.tensor([1, 5])
    for network in (plain, saving):
        network(x, t).square().sum().backward()
    for a, b in zip(plain.parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
