# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from torch.utils.data import Sampler

from ..utils import DataError, target_sites

__all__ = ["AnchorBatchSampler", "ClassAwareBatchSampler"]


class _EpochBatchSampler(Sampler[list[int]], ABC):
    """Batches that are a function of (seed, epoch); each process takes every ``world_size``-th."""

    def __init__(self, batches: int, seed: int, rank: int, world_size: int) -> None:
        if seed < 0 or not 0 <= rank < world_size:
            raise DataError(
                f"expected a seed from 0 on and a rank from 0 to world_size - 1, found the seed {seed} and the rank "
                f"{rank} of {world_size}"
            )
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self._length = batches // world_size

    def set_epoch(self, epoch: int) -> None:
        """Draw other batches; without a call each epoch has the same ones, as with torch's DistributedSampler."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[list[int]]:
        batches = self._draw(np.random.default_rng([self.seed, self.epoch]))
        return islice(batches, self.rank, self._length * self.world_size, self.world_size)

    @abstractmethod
    def _draw(self, rng: np.random.Generator) -> Iterator[list[int]]:
        """Batches without end, or at least as many as all processes take."""


class AnchorBatchSampler(_EpochBatchSampler):
    """Batches of Algorithm 1 in the supplement of thesis ch. 9: random images of the whole training set, and at the end
    one image of the target domain of each class, for the center-point loss.

    An epoch is a permutation of the set, without the last images that make no batch. `SitePrepareBatch` with as many
    ``anchors`` tells the images at the end from the others.

    Args:
        labels: class of every image.
        sites: its site.
        target: the site, or the sites, of the target domain.
        batch_size: random images of a batch, to which the anchors are added.
        per_class: anchors of each class; 1 in the thesis, 0 for plain random batches.
        seed: 0 or more.
        rank: of this process.
        world_size: number of processes, which share the batches of an epoch out.

    Raises:
        DataError: the target domain lacks a class, a number is too small, or there are fewer images than a batch of
            each process.

    Example::

        sampler = AnchorBatchSampler([0, 1, 0, 1], ["A", "A", "B", "C"], target="A", batch_size=2)
        assert len(sampler) == 2 and all(batch[-2:] == [0, 1] for batch in sampler)
    """

    def __init__(
        self,
        labels: Sequence[int],
        sites: Sequence[str],
        target: str | Sequence[str],
        batch_size: int = 10,
        per_class: int = 1,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.target = target_sites(target)
        self.batch_size = batch_size
        self.per_class = per_class
        self._images = _count(labels, sites)
        if batch_size < 1 or per_class < 0:
            raise DataError(
                f"expected batches of at least 1 image beside 0 or more anchors of each class, found {batch_size} and "
                f"{per_class}: give more --images, or fewer --anchors"
            )
        if batch_size * world_size > self._images:
            raise DataError(
                f"expected at least {world_size} batch(es) of {batch_size} images, found {self._images} image(s): give "
                "a smaller --batch_size, or more images"
            )
        inside = [site in self.target for site in sites]
        self._anchors = [
            np.array([i for i, found in enumerate(labels) if found == label and inside[i]], dtype=int)
            for label in sorted(set(labels))
        ]
        without = [label for label, a in zip(sorted(set(labels)), self._anchors, strict=True) if not len(a)]
        if without and per_class:
            raise DataError(
                f"expected images of every class in the target domain ({', '.join(self.target)}), found none of class "
                f"{', '.join(map(str, without))}: its centers are learned from these images"
            )
        super().__init__(self._images // batch_size, seed, rank, world_size)

    def _draw(self, rng: np.random.Generator) -> Iterator[list[int]]:
        order = rng.permutation(self._images)
        for start in range(0, self._images - self.batch_size + 1, self.batch_size):
            anchors = [i for images in self._anchors for i in self._drawn(images, rng)]
            yield [int(i) for i in (*order[start : start + self.batch_size], *anchors)]

    def _drawn(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Anchors of a class, none twice where there are enough."""
        if not self.per_class:
            return images[:0]
        return np.asarray(rng.choice(images, self.per_class, replace=self.per_class > len(images)))


class ClassAwareBatchSampler(_EpochBatchSampler):
    """Batches with images of every class, or of every class of every site, as far as they exist.

    Class-aware sampling of the contrastive adaptation network (Kang et al. 2019). The images of a group go round in a
    random order, so that those of a small group come more often. An epoch has as many images as the set, rounded down.

    Args:
        labels: class of every image.
        sites: its site; None: all are of one.
        per_group: images of each site and class in a batch.
        seed: 0 or more.
        rank: of this process.
        world_size: number of processes, which share the batches of an epoch out.

    Raises:
        DataError: there are fewer images than a batch of each process.

    Example::

        sampler = ClassAwareBatchSampler([0, 0, 1, 0], ["A", "A", "A", "B"])
        assert all(3 in batch and 2 in batch and len(batch) == 3 for batch in sampler)
    """

    def __init__(
        self,
        labels: Sequence[int],
        sites: Sequence[str] | None = None,
        per_group: int = 1,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.per_group = per_group
        sites = [""] * len(labels) if sites is None else sites
        images = _count(labels, sites)
        found: dict[tuple[str, int], list[int]] = {}
        for i, group in enumerate(zip(sites, labels, strict=True)):
            found.setdefault(group, []).append(i)
        self._groups = [np.array(found[group]) for group in sorted(found)]
        size = per_group * len(self._groups)
        if not 0 < size * world_size <= images:
            raise DataError(
                f"expected at least {world_size} batch(es) of {per_group} image(s) of each of the {len(self._groups)} "
                f"sites and classes, found {images} image(s): give a smaller per_group, or more images"
            )
        super().__init__(images // size, seed, rank, world_size)

    def _draw(self, rng: np.random.Generator) -> Iterator[list[int]]:
        generators = rng.spawn(len(self._groups))
        rounds = [_go_round(images, own) for images, own in zip(self._groups, generators, strict=True)]
        while True:
            yield [i for group in rounds for i in islice(group, self.per_group)]


def _go_round(images: np.ndarray, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from (int(i) for i in rng.permutation(images))


def _count(labels: Sequence[int], sites: Sequence[str]) -> int:
    if len(labels) != len(sites):
        raise DataError(f"expected a label and a site of every image, found {len(labels)} and {len(sites)}")
    return len(labels)
