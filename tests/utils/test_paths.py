# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from monai_anomaly.data import find_datalist, find_inputs
from monai_anomaly.utils import DataError


@pytest.mark.parametrize("value", [20230115, 1.1, ("Smith", "John"), None])
def test_what_a_command_line_made_of_a_path_is_refused(value: Any) -> None:
    for use in (find_datalist, lambda v: find_inputs(v, ["t1"])):
        with pytest.raises(DataError, match=r"dataset_dir: expected a path, found .*--dataset_dir \./"):
            use(value)
