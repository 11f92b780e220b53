# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.utils import weights_folder


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ([], "trained"),
        (["models"], "models"),
        (["trained"], "trained"),
        (["trained", "models"], "trained"),
    ],
)
@pytest.mark.parametrize("variant", [None, "chest"])
def test_weights_of_a_training_come_first(there: list[str], expected: str, variant: str | None, tmp_path: Path) -> None:
    root = str(tmp_path)
    for folder in there:
        place = tmp_path / folder / (variant or "")
        place.mkdir(parents=True)
        (place / "model.pt").touch()
    end = f"/{variant}" if variant else ""
    assert weights_folder(root, variant) == f"{root}/{expected}{end}"
    assert weights_folder(root, variant, "vanilla") == f"{root}/trained{end}"
    assert weights_folder(root, "another") == f"{root}/trained/another"
