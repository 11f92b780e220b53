# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch import nn

from ...diffusion import Denoiser, NoiseSchedule
from ..blocks.activation_checkpoint import checkpoint_res_blocks

__all__ = ["MaskDiffusionNet"]


class MaskDiffusionNet(nn.Module):
    """Denoiser of segmentation masks, given the image (thesis ch. 5, fig. 2).

    With ``timesteps`` it is the diffusion network alone, on image and noisy mask side by side. Without, there is an
    *export view* for tools that know only ``image -> map`` (``verify_net_in_out``, TorchScript): the clean mask that
    the network expects from an empty, fully noisy one, in one step. That is one network evaluation in place of an
    ensemble; the bundle's result comes from its inferer. Source: Wolleb et al., "Diffusion Models for Implicit Image
    Segmentation Ensembles" (https://arxiv.org/abs/2112.03145).

    Args:
        diffusion: called as ``diffusion(x, timesteps)``, e.g. MONAI's ``DiffusionModelUNet``, with as many input
            channels as image and mask have together; twice as many output channels as the mask has mean a learned
            variance.
        mask_channels: K, the channels of a mask.
        prediction: what it predicts, see `Denoiser`; for the export view.
        mask_range: values of background and lesion in a mask; for the export view.
        schedule: schedule it was trained on; None: linear, T = 1000; for the export view.
        bounded: bring the predicted mask into its range by a sigmoid; of a ``"sample"`` prediction.
        activation_checkpointing: recompute the residual blocks' activations in the backward pass: less memory, about a
            third more time, for large images.

    Raises:
        ValueError: when another prediction is to be bounded.

    Example::

        levels = {"channels": (8, 8), "num_res_blocks": 1, "attention_levels": (False, False), "norm_num_groups": 8}
        network = MaskDiffusionNet(DiffusionModelUNet(2, 5, 1, **levels))
        output = network(torch.rand(2, 5, 16, 16), torch.tensor([3, 800]))  # four channels of MR, and a noisy mask
        probability = network(torch.rand(2, 4, 16, 16))  # the export view
    """

    def __init__(
        self,
        diffusion: nn.Module,
        mask_channels: int = 1,
        prediction: str = "epsilon",
        mask_range: tuple[float, float] = (-1.0, 1.0),
        schedule: NoiseSchedule | None = None,
        bounded: bool = False,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if bounded and prediction != "sample":
            raise ValueError(f"bounded needs prediction='sample', got {prediction!r}")
        self.diffusion = diffusion
        if activation_checkpointing:
            checkpoint_res_blocks(diffusion)
        self.mask_channels = mask_channels
        self.prediction = prediction
        self.mask_range = (float(mask_range[0]), float(mask_range[1]))
        self.schedule = schedule or NoiseSchedule()
        self.bounded = bounded

    def forward(self, image: torch.Tensor, timesteps: torch.Tensor | None = None) -> torch.Tensor:
        """Apply the network, or give the export view.

        Args:
            image: image and noisy mask (N, C + K, H, W) with ``timesteps``, else the image (N, C, H, W).
            timesteps: 0-based noise levels (N,).

        Returns:
            With ``timesteps`` the network's output (N, K or 2 K, H, W); else probabilities (N, K, H, W) in [0, 1].
        """
        if timesteps is not None:
            return self._predict(image, timesteps)
        denoiser = Denoiser(self._predict, self.schedule, condition=image, prediction=self.prediction)
        mask = image.new_zeros(image.shape[0], self.mask_channels, *image.shape[2:])
        low, high = self.mask_range
        x0 = denoiser(mask, self.schedule.num_train_timesteps).x0
        return ((x0 - low) / (high - low)).clamp(0, 1)

    def _predict(self, x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.diffusion(x, timesteps)
        if not self.bounded:
            return output
        low, high = self.mask_range
        mask, variance = output[:, : self.mask_channels].float(), output[:, self.mask_channels :]
        return torch.cat([low + (high - low) * mask.sigmoid(), variance.float()], dim=1)
