# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""What is written is tested with the bundle, tests/bundles/test_difftranslation_synthesis.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monai_anomaly.data import SyntheticSet
from monai_anomaly.handlers import SaveSynthetic
from monai_anomaly.utils import DataError

from .completed_iteration import complete


def test_raw_scans_are_refused(tmp_path: Path) -> None:
    """Their preprocessing changes the units that the difference is in."""
    made = SyntheticSet(tmp_path / "set", [{"subject": "p", "image": "p.nii", "target_mask": "q.nii"}], ["t1"])
    batch = [{"subject": "p", "preprocessing_report": "[]"}]
    with pytest.raises(DataError, match="p: expected a preprocessed image, found raw scans"):
        complete(SaveSynthetic(made), batch, [{"desired": torch.ones(1, 4, 4)}])
    assert not list(tmp_path.glob("set/*"))
