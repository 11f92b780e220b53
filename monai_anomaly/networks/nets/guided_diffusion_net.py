# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch
from torch import nn

from ...diffusion import NoiseSchedule
from ..blocks.activation_checkpoint import checkpoint_res_blocks

__all__ = ["GuidedDiffusionNet"]


class GuidedDiffusionNet(nn.Module):
    """The two networks of guided diffusion in one module: the denoiser and the guide.

    A bundle has one ``network_def``, one state dict and one forward pass for ``DistributedDataParallel``; this is it.
    With ``timesteps`` both networks are applied to noisy images (training); the inferer uses ``diffusion`` and
    ``classifier`` by name. Source: Wolleb et al., "Diffusion Models for Medical Anomaly Detection"
    (https://arxiv.org/abs/2203.04306).

    Without ``timesteps`` there is an *export view*, so that tools that know only ``image -> map``
    (``verify_net_in_out``, TorchScript) have something to run. The image is taken as a sample at one noise level, and
    the map is what the denoiser takes away, summed over the channels. This is a coarse look: one step, no encoding,
    **no guidance**. The bundle's result comes from its inferer.

    Args:
        diffusion: denoiser, called as ``diffusion(x, timesteps, class_labels=...)``, e.g. MONAI's
            ``DiffusionModelUNet``; its first channels, as many as the image has, are the predicted noise.
        classifier: guide, called as ``classifier(x, timesteps)``, e.g. :class:`NoiseConditionedEncoder`.
        export_timestep: 0-based noise level of the export view.
        export_label: class label of the export view; default: the last one. Ignored by an unconditional denoiser.
        activation_checkpointing: recompute the residual blocks' activations in the backward pass: less memory, about a
            third more time, for large images.
        export_schedule: schedule that the denoiser was trained on, for the export view; None: linear, T = 1000. Only
            the number that the view needs is kept.

    Raises:
        ValueError: if ``export_timestep`` or ``export_label`` is out of range.

    Example::

        levels = {"channels": (8, 8), "num_res_blocks": 1, "attention_levels": (False, True), "norm_num_groups": 8}
        network = GuidedDiffusionNet(
            DiffusionModelUNet(2, 1, 2, num_head_channels=8, num_class_embeds=2, **levels),
            NoiseConditionedEncoder(in_channels=1, num_head_channels=8, pool="local", **levels),
        )
        eps_and_variance, logits = network(torch.rand(2, 1, 16, 16), torch.tensor([3, 800]), torch.tensor([0, 1]))
    """

    def __init__(
        self,
        diffusion: nn.Module,
        classifier: nn.Module,
        export_timestep: int = 100,
        export_label: int | None = None,
        activation_checkpointing: bool = False,
        export_schedule: NoiseSchedule | None = None,
    ) -> None:
        super().__init__()
        self.diffusion = diffusion
        self.classifier = classifier
        if activation_checkpointing:
            checkpoint_res_blocks(diffusion)
            checkpoint_res_blocks(classifier)
        schedule = export_schedule or NoiseSchedule()
        if not 0 <= export_timestep < schedule.num_train_timesteps:
            last = schedule.num_train_timesteps - 1
            raise ValueError(f"export_timestep must be in 0..{last}, got {export_timestep}")
        num_labels = getattr(diffusion, "num_class_embeds", None)
        if num_labels is None:
            export_label = None
        elif export_label is None:
            export_label = num_labels - 1
        elif not 0 <= export_label < num_labels:
            raise ValueError(f"export_label must be in 0..{num_labels - 1}, got {export_label}")
        self.conditional = num_labels is not None
        self.export_timestep = export_timestep
        self.export_label = export_label
        self.export_alpha_bar = float(schedule.alpha_bar(export_timestep + 1))  # level l is the network's index l - 1

    def forward(
        self,
        image: torch.Tensor,
        timesteps: torch.Tensor | None = None,
        class_labels: torch.Tensor | None = None,
        classifier_image: torch.Tensor | None = None,
        classifier_timesteps: torch.Tensor | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Apply both networks, or give the export view.

        Args:
            image: (N, C, *spatial); noisy images when ``timesteps`` is given.
            timesteps: 0-based noise levels (N,).
            class_labels: labels for the denoiser (N,) of any number type; ignored by an unconditional denoiser.
            classifier_image: noisy images of its own for the classifier, like ``image``, with
                ``classifier_timesteps``; None: the denoiser's.
            classifier_timesteps: their noise levels (N,).

        Returns:
            With ``timesteps`` the tuple (output of the denoiser (N, C or 2C, *spatial), logits (N, K)), else the export
            view (N, 1, *spatial), float32, not negative.

        Raises:
            ValueError: when the classifier is given an image without its levels, or levels without an image.
        """
        if (classifier_image is None) != (classifier_timesteps is None):
            raise ValueError("classifier_image and classifier_timesteps must be given together, got one of them")
        if timesteps is None:
            return self._export_view(image)
        output = self._denoise(image, timesteps, class_labels)
        if classifier_image is None:
            return output, self.classifier(image, timesteps)
        return output, self.classifier(classifier_image, classifier_timesteps)

    def classify(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of clean images (N, C, *spatial): the classifier at noise level 0."""
        timesteps = torch.zeros(len(image), device=image.device, dtype=torch.long)
        return self.classifier(image, timesteps=timesteps)

    def _denoise(self, x: torch.Tensor, timesteps: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        if not self.conditional or labels is None:
            return self.diffusion(x, timesteps)  # a conditional MONAI UNet refuses by itself
        return self.diffusion(x, timesteps, class_labels=labels.reshape(-1).long())

    def _export_view(self, image: torch.Tensor) -> torch.Tensor:
        """Sum over channels of |image - x0|, x0 = (image - sqrt(1 - abar) eps) / sqrt(abar)."""
        timesteps = torch.full((image.shape[0],), self.export_timestep, device=image.device)
        labels = None if self.export_label is None else torch.full_like(timesteps, self.export_label)
        eps = self._denoise(image, timesteps, labels)[:, : image.shape[1]].float()
        x0 = (image - (1 - self.export_alpha_bar) ** 0.5 * eps) / self.export_alpha_bar**0.5
        return (image - x0).abs().sum(dim=1, keepdim=True).float()
