# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from monai.utils import look_up_option

from monai_anomaly.data.brats import make_brats_datalist
from monai_anomaly.data.brats_slices import make_brats_slices_datalist
from monai_anomaly.data.chexpert import make_chexpert_datalist
from monai_anomaly.data.datalist import SECTIONS, save_datalist
from monai_anomaly.data.folders import make_folders_datalist
from monai_anomaly.data.table import make_table_datalist

__all__ = ["count_table", "datalist"]

MAKERS = {
    "brats": make_brats_datalist,
    "brats-slices": make_brats_slices_datalist,
    "chexpert": make_chexpert_datalist,
    "folders": make_folders_datalist,
    "table": make_table_datalist,
}


def datalist(kind: str, root: str | os.PathLike, out: str | os.PathLike, **options: Any) -> None:
    """List a data set, split it by patient and write the datalist that training reads.

    Args:
        kind: ``brats`` (folders of volumes), ``brats-slices`` (folders of the original code), ``chexpert``,
            ``folders`` (healthy/ and diseased/) or ``table`` (a CSV file).
        root: the folder, or the CSV file.
        out: the JSON file to write.
        options: of the maker, e.g. ``seed``, ``split``; see ``monai_anomaly.data.make_<kind>_datalist``.

    Raises:
        DataError: the data cannot be used; the message names the file, what was expected and what was found.
    """
    made = look_up_option(kind, MAKERS)(root, **options)
    save_datalist(out, made)
    print(count_table(made))
    for entry in made["left_out"][:5]:
        print(f"left out: {entry['case']}: {entry['reason']}")
    if len(made["left_out"]) > 5:
        print(f"left out: {len(made['left_out'])} in all; the rest is in the file")
    print(f"wrote {out}")


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
