# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data import write_phantom

from .tiny_data import PHANTOM
from .workflow import BUNDLES


@pytest.fixture(params=BUNDLES, ids=lambda path: path.name)
def bundle(request: pytest.FixtureRequest) -> Path:
    """Each bundle's folder."""
    return request.param


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny phantom, for all bundles."""
    folder: Path = tmp_path_factory.mktemp("data") / "phantom"
    write_phantom(folder, progress=False, **PHANTOM)
    return folder


@pytest.fixture(scope="session")
def slices(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache of slices for the trainings of a session, which take the same."""
    return str(tmp_path_factory.mktemp("slices"))
