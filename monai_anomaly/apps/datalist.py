# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.utils import look_up_option

from ..data.brats import make_brats_datalist
from ..data.brats_slices import make_brats_slices_datalist
from ..data.chexpert import make_chexpert_datalist
from ..data.datalist import SECTIONS, save_datalist
from ..data.decathlon_list import make_decathlon_datalist
from ..data.folders import make_folders_datalist
from ..data.table import make_table_datalist
from ..utils import NIFTI, DataError, is_image
from .arguments import read_options

__all__ = ["count_table", "datalist"]

MAKERS = {
    "brats": make_brats_datalist,
    "brats-slices": make_brats_slices_datalist,
    "chexpert": make_chexpert_datalist,
    "decathlon": make_decathlon_datalist,
    "folders": make_folders_datalist,
    "table": make_table_datalist,
}


def datalist(kind: str, root: str | os.PathLike, out: str | os.PathLike, **options: str) -> None:
    """List a data set, split it by patient and write the datalist that training reads.

    Examples:
        monai-anomaly datalist folders data/xrays data/xrays/datalist.json
        monai-anomaly datalist table labels.csv datalist.json --label effusion --subject patient

    Args:
        kind: ``brats`` (folders of volumes), ``brats-slices`` (folders of the original code), ``chexpert``,
            ``decathlon`` (dataset.json), ``folders`` (healthy/ and diseased/) or ``table`` (a CSV file).
        root: the folder, or the CSV or JSON file.
        out: the JSON file to write.
        options: of the maker, e.g. ``seed``, ``split``; see
            ``monai_anomaly.data.make_<kind>_datalist``. Text is read as their type hints say.

    Raises:
        DataError: the data cannot be used; the message names the file, what was expected and what was found.
    """
    maker = look_up_option(kind, MAKERS)
    if unknown := set(options) - set(inspect.signature(maker).parameters):
        known = ", ".join(f"--{name}" for name in list(inspect.signature(maker).parameters)[1:])
        raise DataError(f"datalist {kind}: expected the options {known}, found --{', --'.join(sorted(unknown))}")
    if Path(out).resolve() == Path(root).resolve():
        raise DataError(f"{out}: expected another file to write than the one that is read")
    made = maker(root, **read_options(maker, options))
    save_datalist(out, made)
    print(count_table(made))
    for line in (*made.get("notes", ()), *_mask_lines(made, kind)):
        print(line)
    _print_first("left out", [f"{entry['case']}: {entry['reason']}" for entry in made["left_out"]])
    _print_first("neither an image nor the mask of a case by its name", made.get("unmatched", []))
    print(f"wrote {out}")


def _mask_lines(made: Mapping[str, Any], kind: str) -> list[str]:
    """What to say about the masks and classes: how many there are, and what it means where they are missing."""
    samples = [sample for section in SECTIONS for sample in made.get(section, [])]
    masks = [sample for sample in samples if sample.get("mask")]
    classes = {sample.get("label") for sample in samples}
    images = [s["image"] if isinstance(s["image"], str) else s["image"][0] for s in samples]
    bare = [i for s, i in zip(samples, images, strict=True) if s.get("label") and not s.get("mask") and _volume(i)]
    lines = [f"masks: {len(masks)} of {len(samples)}" if masks else "no masks found"]
    if bare and "target" not in made:  # with a target whole volumes are classified
        which = "no masks found" if not masks else f"{len(bare)} diseased volumes have no mask, e.g. {bare[0]}"
        named = "; --mask NAME says how masks are spelled" if kind == "brats" else ""
        lines = [f"WARNING: {which}; every slice of a diseased volume will count as diseased{named}"]
    if len(classes) == 1 and not masks:
        lines.append(f"WARNING: every image has the class {classes.pop()}; a classifier needs both classes")
    return lines


def _volume(path: str) -> bool:
    return is_image(path, (*NIFTI, ".nrrd", ".npy", ".dcm"))


def _print_first(title: str, lines: Sequence[str], most: int = 5) -> None:
    for line in lines[:most]:
        print(f"{title}: {line}")
    if len(lines) > most:
        print(f"{title}: {len(lines)} in all; the rest is in the file")


def count_table(made: Mapping[str, Any]) -> str:
    """Return a text table of samples and patients by section, class, and site or view."""
    header = ("section", "class", "site/view", "samples", "patients")
    rows = []
    for section in SECTIONS:
        samples = made.get(section, [])
        groups = [(str(s.get("label", "-")), str(s.get("site", s.get("view", "-")))) for s in samples]
        for group, count in sorted(Counter(groups).items()):
            patients = {s["subject"] for s, g in zip(samples, groups, strict=True) if g == group}
            rows.append((section, *group, str(count), str(len(patients))))
        rows.append((section, "all", "all", str(len(samples)), str(len({s["subject"] for s in samples}))))
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows))
    return "\n".join(line.rstrip() for line in lines)
