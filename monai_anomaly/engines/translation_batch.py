# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils import CommonKeys as Keys
from monai.utils import ensure_tuple

from ..utils import DataError
from .target_batch import plain_tensor

__all__ = ["TranslationPrepareBatch"]


class TranslationPrepareBatch(PrepareBatch):
    """Images, and the entries of the batch that say what to translate them to, as `TranslationInferer` is called.

    Args:
        targets: name of a guide -> entry with its targets: numbers (N,) or (N, 1), or masks (N, K, ...).
        masks: name of a guide -> entry with where it acts, (N, 1, ...).
        edits: name of a guide -> the edits that it is for, by the entry ``edit`` (N,) of text; other images it does
            not guide. A guide that is not named is for all.

    Raises:
        DataError: in use, when the batch has no such entry.

    Example::

        prepare = TranslationPrepareBatch(targets={"size": "target_value"})
        batch = {"image": torch.rand(2, 1, 8, 8), "target_value": torch.tensor([[0.05], [0.1]])}
        image, _, _, given = prepare(batch)  # inferer(image, network, **given)
        given["targets"]["size"]  # (2,)
    """

    def __init__(
        self,
        targets: Mapping[str, str] | None = None,
        masks: Mapping[str, str] | None = None,
        edits: Mapping[str, str | Sequence[str]] | None = None,
    ) -> None:
        self.given = {"targets": dict(targets or {}), "masks": dict(masks or {})}
        self.edits = {guide: ensure_tuple(some) for guide, some in (edits or {}).items()}

    def __call__(
        self,
        batchdata: dict[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, tuple, dict[str, Any]]:
        """Images, labels where there are any, no further arguments, and ``targets``, ``masks`` and ``acting`` by name.

        Args:
            batchdata: ``image`` (N, C, ...) and the entries.
            device: where to put them.
            non_blocking: see `torch.Tensor.to`.
            kwargs: passed to `torch.Tensor.to` for the images.
        """
        wanted: list[str] = [entry for entries in self.given.values() for entry in entries.values()]
        wanted += [Keys.IMAGE, *(["edit"] if self.edits else [])]
        if absent := [str(entry) for entry in wanted if entry not in batchdata]:
            raise DataError(f"expected {', '.join(absent)} in the batch, found {sorted(map(str, batchdata))}")

        def entry(key: str) -> torch.Tensor:
            values = plain_tensor(batchdata, key, device, non_blocking)
            return values.flatten() if values[:1].numel() == 1 else values

        given = {kind: {guide: entry(key) for guide, key in entries.items()} for kind, entries in self.given.items()}
        label = plain_tensor(batchdata, Keys.LABEL, device, non_blocking) if Keys.LABEL in batchdata else None
        # the image keeps its metadata: messages name its file
        image = batchdata[Keys.IMAGE].to(device=device, non_blocking=non_blocking, **kwargs)
        if self.edits:
            acting = {guide: [edit in edits for edit in batchdata["edit"]] for guide, edits in self.edits.items()}
            given["acting"] = {guide: torch.tensor(some, device=image.device) for guide, some in acting.items()}
        return image, label, (), given
