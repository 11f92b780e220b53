# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends, ensure_tuple

from ..utils import DataError

__all__ = ["ShownResultD", "ShownResultDict", "ShownResultd"]


class ShownResultd(MapTransform):
    """Copy the one image that is asked for, of one channel, for programs that take one result, as MONAI Label.

    Args:
        keys: results of one channel (1, ...) that can be asked for.
        shown: name of one of them; of a result with several channels name and channel, ``"reconstruction:flair"``.
        channel_keys: results with a channel for each of ``channel_names``, (C, ...); of one channel alone they are
            asked for by their names, like the others.
        channel_names: names of the channels.
        names: what a result is called, where that is not its key.
        output_key: where the image (1, ...) goes, type and geometry unchanged.

    Raises:
        DataError: when ``shown`` is none of what can be asked for, which the message names.

    Example::

        sample = {"mask": torch.zeros(1, 8, 8), "reconstruction": torch.rand(2, 8, 8)}
        shown = ShownResultd("mask", "reconstruction:t2", channel_keys="reconstruction", channel_names=["t1", "t2"])
        assert torch.equal(shown(sample)["pred"], sample["reconstruction"][1:])
    """

    backend = [TransformBackends.TORCH, TransformBackends.NUMPY]

    def __init__(
        self,
        keys: KeysCollection,
        shown: str,
        channel_keys: KeysCollection = (),
        channel_names: Sequence[str] = (),
        names: Mapping[str, str] | None = None,
        output_key: str = "pred",
    ) -> None:
        super().__init__(keys)
        called = dict(names or {})
        places = {str(called.get(str(key), key)): (key, 0) for key in self.keys}
        for key in ensure_tuple(channel_keys):
            for i, channel in enumerate(channel_names):
                tail = f":{channel}" if len(channel_names) > 1 else ""
                places[f"{called.get(str(key), key)}{tail}"] = (key, i)
        if shown not in places:
            raise DataError(f"shown: expected one of {', '.join(places)}; found {shown!r}")
        self.output_key = output_key
        self.key, self.channel = places[shown]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the image."""
        chosen = data[self.key][self.channel : self.channel + 1]
        return {**data, self.output_key: chosen.clone() if hasattr(chosen, "clone") else chosen.copy()}


ShownResultD = ShownResultDict = ShownResultd
