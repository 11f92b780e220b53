# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..utils import split_suffix
from .brain_mask_names import BRAIN_MASKS

__all__ = ["MASK", "MASK_SPELLINGS", "SEPARATORS", "SPELLINGS", "FileName", "NameReader", "known_name"]

MASK = "mask"

# BraTS 2020 and 2021, BraTS 2023 and later, TCIA, BIDS, LUMIERE; "_" also stands for "-", ".", a blank or nothing
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "t1": ("t1", "t1n", "t1w"),
    "t1ce": ("t1ce", "t1_ce", "t1c", "t1gd", "t1_gd", "t1gad", "t1post", "t1_post", "t1km", "ct1"),
    "t2": ("t2", "t2w"),
    "flair": ("flair", "t2f", "t2_flair"),
}
_TUMOR = tuple(f"{what}_{word}" for what in ("tumor", "tumour", "lesion") for word in ("seg", "segmentation", "mask"))
# "segm": one case of BraTS 2020 (355) is spelled W39_1998.09.19_Segm; Glistr is BraTS 2017 at TCIA
MASK_SPELLINGS = (
    "seg",
    "segm",
    "seg_fused",
    "segmentation",
    "dseg",
    "mask",
    "msk",
    "label",
    "labels",
    "roi",
    "gtv",
    "ground_truth",
    "lesion",
    "lesions",
    "tumor",
    "tumour",
    *_TUMOR,
    "glistr_boost",
    "glistr_boost_manually_corrected",
)
_LESION = ("lesion", "tumor", "tumour", "gtv", "glistr")

SEPARATORS = "_-. "
"""Signs that part the words of a name."""

# a mask of these is not of a lesion
_ANATOMY = re.compile(r"(^|[_\-. ])(brain|bet|head|skull|parenchyma|foreground|body|tissue)$")
# behind these words stands what an image was moved to, not what it shows
_TARGET = re.compile(r"[_\-. ](to|in|on|space)[_\-. ]$", re.IGNORECASE)
_BIDS = re.compile(r"(sub-[a-z0-9]+)((?:_[a-z0-9]+-[a-z0-9.+]+)*)_([a-z0-9]+)", re.IGNORECASE)
# entities that tell scans of one session apart, or a mask from its image
_ACQUISITION = ("acq", "ce", "dir", "echo", "rec", "run")
_DERIVED = ("desc", "label")


@dataclass(frozen=True)
class FileName:
    """What the name of a file says.

    Args:
        role: a modality, ``"mask"`` or ``"twin"``.
        case: what is left of the stem: the files of a case share it, up to capitals and the way umlauts are written.
            Empty when the name is only the role.
    """

    role: str
    case: str

    @property
    def key(self) -> str:
        """Equal for the files of a case, on whatever system an umlaut was written."""
        return unicodedata.normalize("NFC", self.case).casefold()


def known_name(modality: str) -> str:
    """Our name of a channel under any spelling: ``T1w`` is t1; of an unknown one, the same in small letters."""
    name = modality.strip().casefold()
    return next((ours for ours, known in SPELLINGS.items() if name in known), name)


class NameReader:
    """Reads from the name of a file which modality, or which mask, of which case it is: the one way to do so.

    ``<case>_<modality>`` (BraTS 2020), ``<case>-<modality>`` (2023), ``<modality>``, ``<case>_<modality>_<slice>`` and
    BIDS. A mask may name the modality it was drawn on. A name with two modalities, like ``t1_flair``, says nothing,
    but what an image was moved to (``flair_to_t1``, ``space-T1w_FLAIR``) does not count.

    Args:
        modalities: names of the channels that are asked for. Those of `SPELLINGS` are known too, so that another
            contrast is not taken for a part of the case's name.
        mask: the only spelling of a mask, e.g. ``"GlistrBoost_ManuallyCorrected"``; None: those of `MASK_SPELLINGS`.
    """

    def __init__(self, modalities: Sequence[str] = (), mask: str | None = None) -> None:
        self._modality = _table(
            {**{s: m for m, known in SPELLINGS.items() for s in known}}
            | {s: m for m in modalities for s in SPELLINGS.get(m, (m,))}
        )
        self._mask = _table(dict.fromkeys(MASK_SPELLINGS if mask is None else (mask,), MASK))
        self.mask = mask

    def read(self, path: Path) -> FileName | None:
        """What the name says; None when it names no modality and no mask, more than one, or a mask of the brain."""
        stem = split_suffix(path.name)[0]
        if stem.casefold().endswith("_twin"):
            return FileName("twin", stem)
        if self.mask is None and stem.casefold().endswith(BRAIN_MASKS):
            return None
        stem = self._without_target(stem)
        bids = _BIDS.fullmatch(stem)
        marks = sorted([*_find(stem, self._mask), *_find(stem, self._modality)], key=lambda mark: mark.end)
        if marks and marks[-1].role == MASK:
            return self._read_mask(stem, marks[-1], bids)
        # segmentation_T1 shows no T1 either
        if len(marks) > 1 and marks[-2].role == MASK and not stem[marks[-2].end : marks[-1].start].strip(SEPARATORS):
            return self._read_mask(stem, replace(marks[-2], end=marks[-1].end), bids)
        images = [mark for mark in marks if mark.role != MASK]
        if len({mark.role for mark in images}) != 1:
            return None
        mark = images[-1]
        if bids is not None:
            contrast = "t1ce" if mark.role == "t1" and "ce" in _entities(bids.group(2)) else mark.role
            return FileName(contrast, _bids_case(bids, _ACQUISITION))
        return FileName(mark.role, _without(stem, mark.start, mark.end))

    def _without_target(self, stem: str) -> str:
        for mark in reversed(_find(stem, self._modality)):
            target = _TARGET.search(stem[: mark.start])
            if target is not None and target.start() > 0:
                return stem[: target.start()] + stem[mark.end :]
        return stem

    def _read_mask(self, stem: str, mark: _Mark, bids: re.Match[str] | None) -> FileName | None:
        before = stem[: mark.start].rstrip(SEPARATORS)
        lesion = any(word in mark.text.casefold() for word in _LESION)
        if not lesion and _ANATOMY.search(before.casefold()):
            return None
        if bids is not None:
            return FileName(MASK, _bids_case(bids, (*_ACQUISITION, *_DERIVED)))
        drawn_on = [m for m in _find(stem, self._modality) if stem[m.end : mark.start].strip(SEPARATORS) == ""]
        start = min([m.start for m in drawn_on if m.end <= mark.start], default=mark.start)
        return FileName(MASK, _without(stem, start, mark.end))


@dataclass(frozen=True)
class _Mark:
    role: str
    text: str
    start: int
    end: int


_Table = tuple[re.Pattern[str], dict[str, str]]


def _table(spellings: Mapping[str, str]) -> _Table:
    """A pattern of the spellings, the longest first, and the role of each."""
    longest = sorted((s.casefold() for s in spellings), key=len, reverse=True)
    words = "|".join(re.escape(s).replace("_", rf"[{re.escape(SEPARATORS)}]?") for s in longest)
    separators = re.escape(SEPARATORS)
    pattern = re.compile(rf"(?:^|(?<=[{separators}]))({words})(?=[{separators}]|$)", re.IGNORECASE)
    return pattern, {_letters(s): role for s, role in spellings.items()}


def _find(stem: str, table: _Table) -> list[_Mark]:
    pattern, roles = table
    return [_Mark(roles[_letters(m.group(1))], m.group(1), *m.span(1)) for m in pattern.finditer(stem)]


def _letters(spelling: str) -> str:
    return re.sub(rf"[{re.escape(SEPARATORS)}]", "", spelling.casefold())


def _without(stem: str, start: int, end: int) -> str:
    parts = (stem[:start].rstrip(SEPARATORS), stem[end:].lstrip(SEPARATORS))
    return "_".join(part for part in parts if part)


def _entities(text: str) -> dict[str, str]:
    return dict(part.lower().split("-", 1) for part in text.split("_") if part)


def _bids_case(bids: re.Match[str], dropped: Sequence[str]) -> str:
    kept = [f"{key}-{value}" for key, value in _entities(bids.group(2)).items() if key not in dropped]
    return "_".join([bids.group(1), *kept])
