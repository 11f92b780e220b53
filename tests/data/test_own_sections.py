# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_anomaly.data.own_sections import own_sections, section_named
from monai_anomaly.utils import DataError


@pytest.mark.parametrize(
    ("entry", "section"),
    [
        (" Train ", "training"),
        ("TRAINING", "training"),
        ("val", "validation"),
        ("Validation", "validation"),
        ("dev", "validation"),
        ("Testing", "test"),
        ("holdout", "test"),
        ("", None),
        ("t", None),
        ("trainval", None),
    ],
)
def test_spellings(entry: str, section: str | None) -> None:
    assert section_named(entry) == section


def test_samples_go_where_they_say() -> None:
    samples = [
        {"image": f"{n}.png", "subject": n, "section": section} for n, section in enumerate(("test", "training"))
    ]
    assert own_sections(samples, "table.csv") == [
        [{"image": "1.png", "subject": 1}], [], [{"image": "0.png", "subject": 0}],
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"table\.csv: .* found in training and test: 1"):
        own_sections([*samples, {"image": "2.png", "subject": 1, "section": "test"}], "table.csv")
