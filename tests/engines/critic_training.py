# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""A small but complete training of DeScarGAN, as a new process would build it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from monai.data import DataLoader, Dataset
from torch import nn

from monai_anomaly.engines import CriticTrainer
from monai_anomaly.handlers import EpochSeed, TrainingState
from monai_anomaly.losses import TranslationCriticLoss, TranslationGeneratorLoss
from monai_anomaly.networks.nets import DeScarGANDiscriminator, DeScarGANGenerator, TranslationGAN

SIZE = 16


def samples(n: int) -> list[dict[str, Any]]:
    """Noise, with a bright square where the label is 1."""
    g = torch.Generator().manual_seed(0)
    images = torch.rand(n, 1, SIZE, SIZE, generator=g) - 1
    images[1::2, :, 4:9, 4:9] += 1
    return [{"image": image, "label": i % 2} for i, image in enumerate(images)]


def tiny_gan(norm: str | tuple = "instance") -> TranslationGAN:
    """DeScarGAN of a few hundred weights, always the same ones."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TranslationGAN(
            DeScarGANGenerator(channels=(2, 4), norm=norm),
            DeScarGANDiscriminator(channels=(2, 4), num_convs=(1, 1), hidden=4),
        )


class CriticTraining:
    """See the module; ``options`` are those of the trainer.

    Args:
        folder: where the state goes; None for no state.
        epochs: of three iterations each.
        handlers: that come before the one that saves.
        data: the training set; None: `samples`.
        network: None: `tiny_gan`.
        rates: learning rates of generator and discriminator.
        losses: of the generator and the discriminator; None: those of the thesis.
    """

    def __init__(
        self,
        folder: Path | None = None,
        epochs: int = 1,
        *,
        handlers: Sequence = (),
        data: list[dict[str, Any]] | None = None,
        network: nn.Module | None = None,
        rates: tuple[float, float] = (1e-3, 1e-3),
        losses: tuple[nn.Module, nn.Module] | None = None,
        **options: Any,
    ) -> None:
        self.network: Any = network or tiny_gan()
        parts = (self.network.generator, self.network.discriminator)
        self.optimizers = [torch.optim.Adam(p.parameters(), lr=lr) for p, lr in zip(parts, rates, strict=True)]
        objects = {"network": self.network, "g": self.optimizers[0], "d": self.optimizers[1]}
        g_loss, d_loss = losses or (TranslationGeneratorLoss(), TranslationCriticLoss())
        state = [] if folder is None else [TrainingState(folder / "state.pt", objects)]
        self.trainer = CriticTrainer(
            torch.device("cpu"),
            epochs,
            DataLoader(Dataset(data or samples(12)), batch_size=4, shuffle=True),
            self.network,
            *self.optimizers,
            g_loss,
            d_loss,
            train_handlers=[EpochSeed(3), *handlers, *state],
            **{"n_critic": 2, **options},
        )

    def run(self) -> CriticTraining:
        """Train."""
        self.trainer.run()
        return self

    def weights(self) -> dict[str, torch.Tensor]:
        """A copy of the network's weights."""
        return {name: value.clone() for name, value in self.network.state_dict().items()}
