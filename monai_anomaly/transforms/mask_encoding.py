# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from ..utils import DataError, one_of, whole_labels
from .check_image import file_of

__all__ = [
    "EncodeMaskD",
    "EncodeMaskDict",
    "EncodeMaskd",
    "MaskEncoding",
]

KINDS = ("binary", "classes", "regions")
BRATS_CLASSES = {"necrosis": 1, "oedema": 2, "enhancing": 4}
BRATS_REGIONS = {
    "WT": ("necrosis", "oedema", "enhancing"),
    "TC": ("necrosis", "enhancing"),
    "ET": ("enhancing",),
}


class MaskEncoding:
    """How a label map becomes the channels that a network learns, and how they become a label map again.

    ``"binary"``: one channel, every value above 0 is lesion (thesis ch. 5). ``"classes"``: one channel for each class,
    which exclude each other. ``"regions"``: one channel for each region, a set of classes, each inside the one before
    it, as BraTS scores them: whole tumor (WT), tumor core (TC), enhancing tumor (ET).

    Args:
        kind: ``"binary"``, ``"classes"`` or ``"regions"``.
        classes: name of each class and its value in the file; None: BraTS 2017-2021 (1, 2, 4; since 2023 the enhancing
            tumor is 3).
        regions: name of each region and its classes, the largest first; None: WT, TC and ET.

    Raises:
        ValueError: when the kind is unknown, a region names an unknown class, or a region is not inside the one before
            it with one class fewer.

    Example::

        encoding, label_map = MaskEncoding("regions"), torch.tensor([[[0, 1, 2, 4]]])
        channels = encoding.encode(label_map)  # (1, H, W) -> (3, H, W): whole tumor, tumor core, enhancing tumor
        assert torch.equal(encoding.decode(channels), label_map)
    """

    def __init__(
        self,
        kind: str = "binary",
        classes: Mapping[str, int] | None = None,
        regions: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        one_of("kind", kind, KINDS)
        self.kind = kind
        self.classes = dict(BRATS_CLASSES if classes is None else classes)
        named = BRATS_REGIONS if regions is None else regions
        self.regions = {name: tuple(members) for name, members in named.items()}
        if kind == "regions":
            self._own = self._own_classes()

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each channel."""
        if self.kind == "binary":
            return ("lesion",)
        return tuple(self.classes if self.kind == "classes" else self.regions)

    @property
    def num_channels(self) -> int:
        """K."""
        return len(self.names)

    def encode(self, label_map: torch.Tensor) -> torch.Tensor:
        """The channels (K, ...), 0 or 1, float32, of a label map (1, ...).

        Raises:
            DataError: when the label map has a value that is no class or no whole number (see `whole_labels`), or is
                not finite.
        """
        if len(label_map) != 1:
            raise DataError(f"expected a label map of one channel, found {len(label_map)}")
        if not torch.isfinite(label_map).all():
            raise DataError("expected a label map, found NaN or infinity in it")
        plain = label_map.detach().as_subclass(torch.Tensor)
        whole = whole_labels(plain.cpu().numpy())
        if whole is None:
            some = [round(v, 4) for v in plain[plain != plain.round()].unique()[:3].tolist()]
            raise DataError(f"expected a label map of whole numbers, found values such as {some}")
        label_map = torch.from_numpy(whole).to(plain.device)
        if self.kind == "binary":
            return (label_map > 0).float()
        found = set(label_map.unique().tolist())
        if strangers := sorted(found - {0, *self.classes.values()}):
            raise DataError(f"expected a label map with the classes {self.classes}, found the values {strangers}")
        layers = {name: label_map[0] == value for name, value in self.classes.items()}
        if self.kind == "classes":
            return torch.stack(list(layers.values())).float()
        regions = [torch.stack([layers[c] for c in members]).any(0) for members in self.regions.values()]
        return torch.stack(regions).float()

    def decode(self, probability: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
        """The label map (1, ...), uint8, of probabilities (K, ...).

        Binary: where they exceed the threshold. Classes: the likeliest class where all classes together exceed it.
        Regions: painted one over the other, the innermost last, as nnU-Net does.

        Raises:
            ValueError: when there are not K channels.
        """
        return self.paint(self.thresholded(probability) > threshold, probability)

    def thresholded(self, probability: torch.Tensor) -> torch.Tensor:
        """The maps that a threshold is put on: the channels (K, ...), of exclusive classes their sum (1, ...).

        Raises:
            ValueError: when there are not K channels.
        """
        if len(probability) != self.num_channels:
            raise ValueError(f"expected {self.num_channels} channel(s) {self.names}, got {len(probability)}")
        return probability.sum(0, keepdim=True) if self.kind == "classes" else probability

    def paint(self, masks: torch.Tensor, probability: torch.Tensor) -> torch.Tensor:
        """The label map (1, ...), uint8, of the masks of `thresholded`; see `decode`.

        Args:
            masks: boolean, (K, ...) or (1, ...). A region whose own threshold is lower than that of the one around it
                may reach beyond it.
            probability: (K, ...), from which exclusive classes take the likeliest.
        """
        if self.kind == "binary":
            return masks.to(torch.uint8)
        values = torch.tensor(list(self.classes.values()), dtype=torch.uint8, device=probability.device)
        if self.kind == "classes":
            likeliest = values[probability.argmax(0, keepdim=True)]
            return torch.where(masks, likeliest, torch.zeros_like(likeliest))
        label_map = torch.zeros_like(probability[:1], dtype=torch.uint8)
        for region, own in zip(masks.split(1), self._own, strict=True):
            label_map[region] = self.classes[own]
        return label_map

    def _own_classes(self) -> list[str]:
        """The class of each region that no region inside it has."""
        own = []
        for (name, members), inner in zip(self.regions.items(), [*[*self.regions.values()][1:], ()], strict=True):
            if strangers := sorted(set(members) - set(self.classes)):
                raise ValueError(f"region {name!r} has the unknown classes {strangers}; known are {list(self.classes)}")
            rest = set(members) - set(inner)
            if not set(inner) <= set(members) or len(rest) != 1:
                raise ValueError(f"region {name!r} {members} must hold the next one {inner} and one class more")
            own.append(rest.pop())
        return own


class EncodeMaskd(MapTransform):
    """Turn label maps into the channels that a network learns.

    Args:
        keys: label maps (1, ...).
        encoding: see `MaskEncoding`.
        allow_missing_keys: a missing entry is no error.
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, keys: KeysCollection, encoding: MaskEncoding, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.encoding = encoding

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace each label map by its channels (K, ...)."""
        sample = dict(data)
        for key in self.key_iterator(sample):
            try:
                encoded = self.encoding.encode(torch.as_tensor(sample[key]))
            except DataError as error:
                raise DataError(f"{file_of(sample[key])}: {error}") from error
            sample[key] = like(encoded, sample[key])
        return sample


def like(values: torch.Tensor, source: Any) -> torch.Tensor:
    """The values with the source's affine and history, if it has them."""
    return MetaTensor(values).copy_meta_from(source) if isinstance(source, MetaTensor) else values


EncodeMaskD = EncodeMaskDict = EncodeMaskd
