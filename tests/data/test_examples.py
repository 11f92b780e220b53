# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monai_anomaly.data import load_datalist
from monai_anomaly.data.examples import write_examples

SITE = {"lesion": "ms", "training": 4, "validation": 2}


@pytest.mark.parametrize(
    ("phantom", "labels"),
    [
        ({"kind": "ellipses", "size": 16, "per_class": [90, 9, 9], "seed": 0, "workers": 2}, [0, 0, 1, 1]),
        ({"kind": "chest", "size": 48, "per_class": [90, 9, 9], "seed": 0}, [0, 0, 1, 1]),
        ({"subjects": 200, "spacing": 6.0, "counterfactuals": [0.7], "seed": 0}, [0, 1]),
        (
            {
                "spacing": 6.0,
                "contrasts": ["flair"],
                "groups": [
                    {"site": "B", **SITE},
                    {"site": "A", **SITE, "test": 15},
                    {"site": "A", "lesion": None, "test": 15},
                ],
            },
            [0, 1],
        ),
    ],
)
def test_a_few_of_each_class_all_in_the_test_section(
    phantom: dict[str, Any], labels: list[int], tmp_path: Path
) -> None:
    datalist = write_examples(tmp_path / "few", phantom)
    samples = load_datalist(datalist, "test")
    assert sorted(sample["label"] for sample in samples) == labels
    assert write_examples(tmp_path / "few", phantom) == datalist  # and again
