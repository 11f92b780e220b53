# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.utils import threshold_place, weights_folder


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


@pytest.mark.parametrize(
    ("ckpt_dir", "variant", "method", "beside"),
    [
        ("trained", None, None, True),
        ("models", None, None, False),
        ("./models/../models", None, None, False),
        ("models/chest", "chest", None, False),
        ("models_v2", None, None, True),
        ("models/published", None, None, True),
        ("trained", None, "vae", False),
    ],
)
def test_the_threshold_of_weights_that_came_with_the_bundle_is_not_written_over(
    ckpt_dir: str, variant: str | None, method: str | None, beside: bool, tmp_path: Path
) -> None:
    root = tmp_path / "bundle"
    (root / "models").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    for place in (str(root), str(tmp_path / "link")):
        folder = f"{place}/{ckpt_dir}"
        found = threshold_place(folder, "scores", str(root), variant, method)
        assert found == (f"{folder}/threshold.json" if beside else "scores/threshold.json")
