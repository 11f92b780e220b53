# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from ..diffusion import NoisyImages
from .noisy_batch import NoisyPrepareBatch
from .site_batch import SitePrepareBatch

__all__ = ["NoisySitePrepareBatch"]


class NoisySitePrepareBatch(NoisyPrepareBatch):
    """Noise a batch from several sites to random levels, for a guide that is to ignore the site.

    The anchors at the end of a batch are noisy images like the others: a diffusion network that is trained beside the
    guide learns from them too.

    Args:
        sites: see `SitePrepareBatch`.
        target: see there.
        anchors: see there.
        noise: arguments of `NoisyPrepareBatch`.

    Raises:
        DataError: when no target is a known site; in use, see `SitePrepareBatch` and `NoisyPrepareBatch`.
        ValueError: when a highest level is not a level of the schedule.

    Example::

        batch = {"image": torch.rand(3, 1, 8, 8), "label": torch.tensor([1, 0, 1]), "site": ["B", "A", "new"]}
        x, noisy, _, arguments = NoisySitePrepareBatch(["A", "B"], target="A", conditional=False)(batch)
        assert noisy.targets["site"].tolist() == [1, 0, -1] and arguments["timesteps"].shape == (3,)
    """

    def __init__(self, sites: Sequence[str], target: str | Sequence[str], anchors: int = 0, **noise: Any) -> None:
        super().__init__(**noise)
        self.sites = SitePrepareBatch(sites, target, anchors)

    def __call__(
        self,
        batchdata: dict[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, NoisyImages, tuple, dict[str, torch.Tensor]]:
        """What `NoisyPrepareBatch` makes, with the further targets ``site``, ``target`` and, where there are anchors,
        ``anchor``, each (N,), see `SiteTargets`.

        Args:
            batchdata: as there, and ``site``, N names.
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to` for the images.
        """
        x, noisy, more, arguments = super().__call__(batchdata, device, non_blocking, **kwargs)
        _, known = self.sites(batchdata, device, non_blocking)
        own: Mapping[str, torch.Tensor | None] = {"site": known.site, "target": known.target, "anchor": known.anchor}
        targets = {**noisy.targets, **{name: value for name, value in own.items() if value is not None}}
        return x, replace(noisy, targets=targets), more, arguments
