# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.utils import ensure_tuple
from torch import nn

from ...diffusion import NoiseSchedule
from ..blocks.activation_checkpoint import checkpoint_res_blocks

__all__ = ["GuidedDiffusionNet"]


class GuidedDiffusionNet(nn.Module):
    """The networks of guided diffusion in one module: the denoiser, and task networks that guide it, by name.

    A bundle has one ``network_def``, one state dict and one forward pass for ``DistributedDataParallel``; this is it.
    With ``timesteps`` the networks are applied to noisy images (training); an inferer uses ``diffusion`` and the
    task networks by name. Sources: Wolleb et al., "Diffusion Models for Medical Anomaly Detection"
    (https://arxiv.org/abs/2203.04306) and "The Swiss Army Knife for Image-to-Image Translation"
    (https://arxiv.org/abs/2204.02641).

    Without ``timesteps`` there is an *export view*, so that tools that know only ``image -> map``
    (``verify_net_in_out``, TorchScript) have something to run. The image is taken as a sample at one noise level, and
    the map is what the denoiser takes away, summed over the channels. This is a coarse look: one step, no encoding,
    **no guidance**. The bundle's result comes from its inferer.

    Args:
        diffusion: denoiser, called as ``diffusion(x, timesteps, class_labels=...)``, e.g. MONAI's
            ``DiffusionModelUNet``; its first channels, as many as the image has, are the predicted noise.
        trained: names of the parts that are trained, ``diffusion`` and task networks; None: all. The others get no
            gradients and are not run in training; their weights must come from a file.
        export_timestep: 0-based noise level of the export view.
        export_label: class label of the export view; default: the last one. Ignored by an unconditional denoiser.
        activation_checkpointing: recompute the residual blocks' activations in the backward pass: less memory, about a
            third more time, for large images.
        detailed: names of the task networks whose loss looks at more than their result: these are called with
            ``details=True`` for the loss, e.g. a :class:`LatentCenterClassifier`. Guides get the result alone.
        export_schedule: schedule that the denoiser was trained on, for the export view; None: linear, T = 1000. Only
            the number that the view needs is kept.
        **tasks: task networks, called as ``task(x, timesteps)``: a classifier or a regressor, e.g.
            :class:`NoiseConditionedEncoder`, a segmenter, e.g. ``DiffusionModelUNet``; None is left out. The name is
            the attribute, and the first word of the keys of its weights.

    Raises:
        TypeError: if a task network is no module, as when an argument is misspelled.
        ValueError: if ``export_timestep`` or ``export_label`` is out of range, the name of a task network means
            something else to a module, ``trained`` names no part or an unknown one, or ``detailed`` no task network.

    Example::

        levels = {"channels": (8, 8), "num_res_blocks": 1, "attention_levels": (False, True), "norm_num_groups": 8}
        network = GuidedDiffusionNet(
            DiffusionModelUNet(2, 1, 2, num_head_channels=8, num_class_embeds=2, **levels),
            classifier=NoiseConditionedEncoder(in_channels=1, num_head_channels=8, pool="local", **levels),
            tumor=DiffusionModelUNet(2, 1, 1, num_head_channels=8, **levels),
        )
        found = network(torch.rand(2, 1, 16, 16), torch.tensor([3, 800]), torch.tensor([0, 1]))
        eps_and_variance, logits, mask_logits = (found[name] for name in ("diffusion", "classifier", "tumor"))
    """

    def __init__(
        self,
        diffusion: nn.Module,
        *,
        trained: Sequence[str] | None = None,
        export_timestep: int = 100,
        export_label: int | None = None,
        activation_checkpointing: bool = False,
        detailed: Sequence[str] = (),
        export_schedule: NoiseSchedule | None = None,
        **tasks: nn.Module | None,
    ) -> None:
        super().__init__()
        self.diffusion = diffusion
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
        for name, task in tasks.items():
            if task is not None:
                self._add(name, task)
        self.trained = self._named(trained)
        self.detailed = ensure_tuple(detailed)
        if not set(self.detailed) <= set(self.tasks):
            raise ValueError(f"detailed must name some of {list(self.tasks)}, got {list(self.detailed)}")
        for name, part in self.named_children():
            if name not in self.trained:
                part.requires_grad_(False)
            if activation_checkpointing:
                checkpoint_res_blocks(part)

    def _add(self, name: str, task: nn.Module) -> None:
        if not isinstance(task, nn.Module):
            raise TypeError(
                f"expected a task network for {name!r}, a torch.nn.Module, got {type(task).__name__}: an argument that "
                "does not exist?"
            )
        if hasattr(self, name):
            raise ValueError(f"a task network cannot be called {name!r}: the name means something else to a module")
        self.add_module(name, task)

    def _named(self, trained: Sequence[str] | None) -> tuple[str, ...]:
        """The trained parts in their order."""
        parts = [name for name, _ in self.named_children()]
        if trained is None:
            return tuple(parts)
        wanted = ensure_tuple(trained)
        if not wanted or not set(wanted) <= set(parts):
            raise ValueError(f"trained must name some of {parts}, got {list(wanted)}")
        return tuple(name for name in parts if name in wanted)

    @property
    def tasks(self) -> dict[str, nn.Module]:
        """The task networks by name."""
        return {name: part for name, part in self.named_children() if name != "diffusion"}

    @property
    def frozen_parts(self) -> tuple[str, ...]:
        """Names of the parts that are not trained."""
        return tuple(name for name, _ in self.named_children() if name not in self.trained)

    def forward(
        self,
        image: torch.Tensor,
        timesteps: torch.Tensor | None = None,
        class_labels: torch.Tensor | None = None,
        task_image: torch.Tensor | None = None,
        task_timesteps: torch.Tensor | None = None,
    ) -> torch.Tensor | dict[str, Any]:
        """Apply the trained networks, or give the export view.

        Args:
            image: (N, C, *spatial); noisy images when ``timesteps`` is given.
            timesteps: 0-based noise levels (N,).
            class_labels: labels for the denoiser (N,) of any number type; ignored by an unconditional denoiser.
            task_image: noisy images of their own for the task networks, like ``image``, with ``task_timesteps``; None:
                the denoiser's.
            task_timesteps: their noise levels (N,).

        Returns:
            With ``timesteps`` the outputs of the trained parts by name: of ``diffusion`` (N, C or 2C, *spatial), of a
            classifier logits (N, K), of a ``detailed`` one a dictionary, ...; else the export view (N, 1, *spatial),
            float32, not negative.

        Raises:
            ValueError: when the task networks are given images without their levels, or levels without images.
        """
        if (task_image is None) != (task_timesteps is None):
            raise ValueError("task_image and task_timesteps must be given together, got one of them")
        if timesteps is None:
            return self._export_view(image)
        x, t = (image, timesteps) if task_image is None else (task_image, task_timesteps)
        return {
            name: self._denoise(image, timesteps, class_labels) if name == "diffusion" else self._for_loss(name, x, t)
            for name in self.trained
        }

    def apply_task(self, name: str, image: torch.Tensor) -> torch.Tensor:
        """What a task network says about clean images (N, C, *spatial): its output at noise level 0.

        Raises:
            ValueError: when there is no task network of this name.
        """
        if name not in self.tasks:
            raise ValueError(f"expected a network with a task network {name!r}, found one with {list(self.tasks)}")
        timesteps = torch.zeros(image.shape[0], device=image.device, dtype=torch.long)
        return self.tasks[name](image, timesteps=timesteps)

    def classify(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (N, K) of clean images (N, C, *spatial), by the task network ``classifier``; see `apply_task`."""
        return self.apply_task("classifier", image)

    def _for_loss(self, name: str, x: torch.Tensor, timesteps: torch.Tensor | None) -> Any:
        task = self.tasks[name]
        return task(x, timesteps, details=True) if name in self.detailed else task(x, timesteps)

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
