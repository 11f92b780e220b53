# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from monai_anomaly.utils import target_sites


@pytest.mark.parametrize(("target", "names"), [("Bern", ["Bern"]), (7, ["7"]), (("A", 2), ["A", "2"])])
def test_a_target_is_names_of_sites(target: Any, names: list[str]) -> None:
    assert target_sites(target) == names
