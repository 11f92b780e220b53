# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils import CommonKeys as Keys

from ..losses import SiteTargets
from ..utils import DataError, target_sites
from .target_batch import class_labels, plain_tensor

__all__ = ["SitePrepareBatch"]


class SitePrepareBatch(PrepareBatch):
    """Images, their class and their site, for a classifier that is to ignore the site.

    Args:
        sites: names of the known sites.
        target: the site, or the sites, of the target domain; one of them at least is known.
        anchors: how many samples at the end of each batch are for the center-point loss alone, see
            `AnchorBatchSampler`; 0: none, every image of the target domain is for all losses.

    Raises:
        DataError: when no target is a known site; in use, when the batch has no sites, an anchor is not of the
            target domain, or every image of the batch would be one.

    Example::

        batch = {"image": torch.rand(3, 1, 8, 8, 8), "label": torch.tensor([1, 0, 1]), "site": ["B", "A", "new"]}
        image, targets = SitePrepareBatch(["A", "B"], target="A")(batch)
        assert targets.site.tolist() == [1, 0, -1] and targets.target.tolist() == [False, True, False]
    """

    def __init__(self, sites: Sequence[str], target: str | Sequence[str], anchors: int = 0) -> None:
        self.sites = list(sites)
        self.target = target_sites(target)
        self.anchors = anchors
        if not set(self.target) & set(self.sites):
            raise DataError(f"expected a target among the sites {self.sites}, found {self.target}")
        self._number = {name: number for number, name in enumerate(self.sites)}

    def __call__(
        self,
        batchdata: dict[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, SiteTargets]:
        """Images and what is known of them.

        Args:
            batchdata: ``image`` (N, C, ...), ``label`` (N,) or (N, 1) of any number type, and ``site``, N names.
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to` for the images.
        """
        image = plain_tensor(batchdata, Keys.IMAGE, device, non_blocking, **kwargs)
        label = class_labels(batchdata, device, non_blocking)
        if "site" not in batchdata:
            raise DataError("expected a 'site' of every image of the batch, found none: add it to the samples")
        names = [str(name) for name in batchdata["site"]]
        site = torch.tensor([self._number.get(name, -1) for name in names])
        target = torch.tensor([name in self.target for name in names])
        anchor = self._anchor(names) if self.anchors else None

        def move(part: torch.Tensor) -> torch.Tensor:
            return part.to(device=device, non_blocking=non_blocking)

        return image, SiteTargets(label, move(site), move(target), None if anchor is None else move(anchor))

    def _anchor(self, names: list[str]) -> torch.Tensor:
        last = names[-self.anchors :]
        if self.anchors >= len(names) or any(name not in self.target for name in last):
            raise DataError(
                f"expected batches that end with {self.anchors} images of the target domain "
                f"({', '.join(self.target)}), found one of the sites {names}: AnchorBatchSampler draws such batches"
            )
        return torch.arange(len(names)) >= len(names) - self.anchors
