# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ..inferers import SinglePassInferer
from ..networks.weights import load_weights
from ..utils import DataError
from .translation_measure import TranslationMeasure, made_images

__all__ = ["IndependentSegmentation"]


class IndependentSegmentation(TranslationMeasure):
    """Add the masks that a segmenter of its own finds before and after a translation, as an independent judge:
    ``found_before``, ``found_after`` (of further guides ``found_after_1``, ...) and, where the batch has the true
    counterfactual as ``target``, ``found_truth``, each (N, 1, ...) of 0 and 1.

    The segmenter must not be a network that guides; best one of another kind, trained on the masks of other people,
    e.g. the ``DynUNet`` of the bundle diffseg.

    Args:
        network: called as ``network(x)`` with slices (N, C, H, W); gives the logits of regions (N, K, H, W).
        load_path: its weights, see `load_weights`; None: it has them.
        inferer: that applies it, its result has ``mean``; None: `SinglePassInferer` of one region and divisor 8.
        region: which region is meant; None: any of them.
        threshold: of its probability.
        transform: brings the images to the intensities that the segmenter was trained on; None: they are.
        advice: how to make the weights: where they are missing, a warning says so, and nothing is measured; None: that
            is an error.

    Raises:
        DataError: when the weights are missing (without an advice) or those of another network; in use, when there is
            no such region.

    Example::

        judge = IndependentSegmentation(nn.Conv2d(1, 1, 1))  # judge.attach(evaluator), or by hand:
        judge.measure({"image": torch.rand(2, 1, 16, 16), "reconstruction": torch.rand(2, 1, 16, 16)})["found_after"]
    """

    def __init__(
        self,
        network: torch.nn.Module,
        load_path: str | os.PathLike | None = None,
        inferer: Any = None,
        region: int | None = None,
        threshold: float = 0.5,
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
        advice: str | None = None,
    ) -> None:
        self.missing = advice is not None and load_path is not None and not Path(load_path).is_file()
        if self.missing:
            warnings.warn(
                f"{load_path}: no weights of an independent segmenter, so what it finds is not said; {advice}",
                stacklevel=2,
            )
        elif load_path is not None:
            load_weights(network, load_path)
        self.network = network.eval()
        self.inferer = SinglePassInferer(batch_size=16, divisor=8) if inferer is None else inferer
        self.region = region
        self.threshold = threshold
        self.transform = transform

    @torch.no_grad()
    def measure(self, images: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """See `TranslationMeasure`."""
        if self.missing:
            return {}
        shown = {"found_before": images["image"]} | {f"found_after{end}": x for end, x in made_images(images).items()}
        shown |= {"found_truth": images["target"]} if "target" in images else {}
        device = images["image"].device
        self.network.to(device)
        return {name: self._masks(x.to(device)) for name, x in shown.items()}

    def _masks(self, x: torch.Tensor) -> torch.Tensor:
        probability = self.inferer(x if self.transform is None else self.transform(x), self.network)["mean"]
        if self.region is not None:
            if not 0 <= self.region < probability.shape[1]:
                raise DataError(
                    f"expected a segmenter with region {self.region}, found {probability.shape[1]} region(s)"
                )
            probability = probability[:, self.region : self.region + 1]
        found: torch.Tensor = (probability > self.threshold).any(1, keepdim=True).float()
        return found
