# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monai.data import DataLoader, list_data_collate
from torch.utils.data import Dataset

from ..utils import DataError, describe, in_shard
from .inputs import PROBLEM
from .transform_sample import transform_sample

__all__ = ["InputDataset", "InputLoader", "LeftOut"]


@dataclass(frozen=True)
class LeftOut:
    """What an `InputDataset` gives in place of an input that cannot be used."""

    case: str
    reason: str


class InputDataset(Dataset):
    """The inputs of an inference; one that cannot be read does not end the work on the others.

    An item is the transformed sample, or a `LeftOut`, which `InputLoader` takes out. Whatever fails is caught: mostly
    the input is at fault (a missing or damaged file, NaN, other channels: a ``DataError``); of anything else, which may
    be a fault of the program, the reason begins with the kind of the error.

    Args:
        data: samples, as `find_inputs` returns them.
        transform: deterministic; None leaves the samples as they are.
        on_error: ``"skip"`` or ``"raise"``; None: raise for a single input, where nothing else is left to do.
        shard: ``"2/3"``: of all samples every third, from the second, for this process; None: all.

    Raises:
        ValueError: when ``on_error`` is unknown or ``shard`` no part.
        DataError: when there are fewer samples than parts, and this one has none.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        transform: Callable | None = None,
        on_error: str | None = None,
        shard: str | None = None,
    ) -> None:
        if on_error not in (None, "skip", "raise"):
            raise ValueError(f"on_error must be 'skip', 'raise' or None, got {on_error!r}")
        self.data = in_shard(data, shard)
        if data and not self.data:
            raise DataError(f"shard {shard}: expected at least as many inputs as shards, found {len(data)}")
        self.transform = transform
        self.skip = len(data) > 1 if on_error is None else on_error == "skip"

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Any:
        sample = self.data[index]
        try:
            if sample.get(PROBLEM):
                raise DataError(sample[PROBLEM])
            return dict(sample) if self.transform is None else transform_sample(self.transform, sample)
        except Exception as error:
            if not self.skip:
                raise
            return LeftOut(str(sample.get("subject", index)), describe(error))


class InputLoader(DataLoader):
    """A loader of an `InputDataset` that passes over what cannot be used, says so, and remembers it.

    It has no length, since what cannot be used shows only when it is read; MONAI's engines then run to the end. With
    ``num_workers`` the list is still that of all workers.

    Args:
        dataset: the inputs.
        collate_fn: makes a batch of samples; by default MONAI's.
        kwargs: of ``monai.data.DataLoader``.

    Attributes:
        left_out: what was left out since the iteration began, as ``{"case": ..., "reason": ...}``: what could not be
            read, and what `leave_out` added.

    Raises:
        DataError: at the end of an iteration in which no input could be used.
    """

    def __init__(self, dataset: Dataset, collate_fn: Callable = list_data_collate, **kwargs: Any) -> None:
        super().__init__(dataset, collate_fn=_Collate(collate_fn), **kwargs)
        self.left_out: list[dict[str, str]] = []

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no length: unusable inputs show only when they are read")

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        self.left_out = []
        met = 0
        for batch, left_out, size in super().__iter__():
            met += size
            for item in left_out:
                self._remember(item)
            if batch is not None:
                yield batch
        if len(self.left_out) == met > 0:
            reasons = "; ".join(entry["reason"] for entry in self.left_out[:3])
            more = "; ..." if len(self.left_out) > 3 else ""
            raise DataError(f"expected an input that can be used, found none in {len(self.left_out)} ({reasons}{more})")

    def leave_out(self, case: str, error: Exception) -> None:
        """Leave out a case on which something failed after it was read.

        Args:
            case: its name.
            error: what failed.

        Raises:
            Exception: the error itself, when the dataset does not pass over what cannot be used.
        """
        if not getattr(self.dataset, "skip", False):
            raise error
        self._remember(LeftOut(case, describe(error)))

    def _remember(self, item: LeftOut) -> None:
        self.left_out.append({"case": item.case, "reason": item.reason})
        print(f"left out {item.case}: {item.reason}")


class _Collate:
    """A batch of the usable samples (None without any), those left out, and the number of both; a class, so that
    workers can pickle it."""

    def __init__(self, collate_fn: Callable) -> None:
        self.collate_fn = collate_fn

    def __call__(self, items: Sequence[Any]) -> tuple[Any, list[LeftOut], int]:
        samples = [item for item in items if not isinstance(item, LeftOut)]
        left_out = [item for item in items if isinstance(item, LeftOut)]
        return self.collate_fn(samples) if samples else None, left_out, len(items)
