# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..utils import NIFTI, split_suffix
from .brain_mask_names import UNSAID_MASK, is_mask_beside
from .names import MASK, FileName, NameReader

__all__ = ["Case", "group_cases", "match_masks"]


@dataclass
class Case:
    """The files of one case in a folder.

    Args:
        name: what the names of the files share; empty when they are only the modality.
        files: by modality, and under ``"mask"``; more than one where the names do not tell which is meant.
    """

    name: str
    files: dict[str, list[Path]] = field(default_factory=dict)

    def problem(self, roles: Sequence[str]) -> str | None:
        """Why not exactly one file is there for each role; None when it is."""
        if absent := [role for role in roles if role not in self.files]:
            found = ", ".join(sorted(path.name for role in self.files for path in self.files[role]))
            return f"expected {', '.join(absent)}, found only {found}"
        for role in roles:
            if len(self.files[role]) > 1:
                found = " and ".join(path.name for path in self.files[role])
                return f"expected one {role}, found {found}"
        broken = [str(path) for role in roles for path in self.files[role] if not path.exists()]
        return f"expected a file, found a link that leads nowhere: {', '.join(broken)}" if broken else None


def group_cases(files: Iterable[Path], reader: NameReader, modalities: Sequence[str]) -> tuple[list[Case], list[Path]]:
    """The cases among the files of one folder: those whose names differ in the modality only.

    A mask belongs to the case of its name. Where the folder holds one case without a mask and no other mask, one that
    names no case is taken, and one of another name where the folder is that of the case by its own name (case 355 of
    BraTS 2020). What a tool made of a scan beside it (``p_t1_bet``) is no scan, and ``p_t1_mask`` is a lesion's mask
    only where the reader was told how masks are spelled: it may be the brain's.

    Args:
        files: of the folder.
        reader: of their names.
        modalities: the channels; a group without any of them is no case.

    Returns:
        the cases, by name, and the files of which the names say nothing or not enough, and the masks without a case.
    """
    groups: dict[str, Case] = {}
    unmatched = []
    for path in files:
        name = reader.read(path)
        if name is None or (is_mask_beside(path) and (reader.mask is None or name.role != MASK)):
            unmatched.append(path)
        elif name.role in (*modalities, MASK):
            groups.setdefault(name.key, Case(name.case)).files.setdefault(name.role, []).append(path)
    cases = [case for case in groups.values() if any(m in case.files for m in modalities)]
    orphans = {path: case.name for case in groups.values() if case not in cases for path in case.files[MASK]}
    if len(cases) == 1 and len(orphans) == 1 and MASK not in cases[0].files:
        ((path, named),) = orphans.items()
        if not named or _key(cases[0].name) in ("", _key(path.parent.name)):
            cases[0].files[MASK] = [path]
            orphans.clear()
    for case in cases:
        _prefer_corrected(case, unmatched)
    return sorted(cases, key=lambda case: case.name), sorted([*unmatched, *orphans])


def match_masks(cases: Sequence[Case], unmatched: Sequence[Path], reader: NameReader) -> list[Path]:
    """Give the cases without a mask the one that has their name in another folder, as in ``derivatives`` of BIDS.

    Only where there is one such case and one such mask: names like ``seg`` alone say nothing across folders. And not
    ``p_t1_mask``, as in `group_cases`.

    Returns:
        what is still unmatched.
    """
    masks: dict[str, list[Path]] = {}
    for path in unmatched:
        name = reader.read(path)
        if name is not None and name.role == MASK and name.key and not _may_be_of_brain(path, reader):
            masks.setdefault(name.key, []).append(path)
    named: dict[str, list[Case]] = {}
    for case in cases:
        named.setdefault(_key(case.name), []).append(case)
    used = set()
    for key, paths in masks.items():
        same = named.get(key, [])
        if len(paths) == len(same) == 1 and MASK not in same[0].files:
            same[0].files[MASK] = paths
            used.add(paths[0])
    return [path for path in unmatched if path not in used]


def _key(name: str) -> str:
    return FileName(MASK, name).key


def _may_be_of_brain(path: Path, reader: NameReader) -> bool:
    """Whether the name is that of a scan with ``_mask`` behind it, and the user did not say how masks are spelled."""
    stem = split_suffix(path.name)[0]
    if reader.mask is not None or not stem.casefold().endswith(UNSAID_MASK):
        return False
    scan = reader.read(path.with_name(stem[: -len(UNSAID_MASK)] + NIFTI[0]))
    return scan is not None and scan.role != MASK


def _prefer_corrected(case: Case, unmatched: list[Path]) -> None:
    """TCIA's BraTS 2017 has a first mask and, under a longer name, the one a person corrected."""
    masks = case.files.get(MASK, [])
    corrected = [path for path in masks if "manuallycorrected" in path.name.casefold()]
    if len(corrected) == 1 and len(masks) == 2:
        case.files[MASK] = corrected
        unmatched += [path for path in masks if path not in corrected]
