# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from monai_anomaly.data import find_datalist, write_phantom

from .tiny_data import ELLIPSES, PHANTOM, SITES
from .workflow import BUNDLES


@pytest.fixture(params=BUNDLES, ids=lambda path: path.name)
def bundle(request: pytest.FixtureRequest) -> Path:
    """Each bundle's folder."""
    return request.param


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny phantom, for the bundles of brain MR."""
    folder: Path = tmp_path_factory.mktemp("data") / "phantom"
    write_phantom(folder, progress=False, **PHANTOM)
    return folder


@pytest.fixture(scope="session")
def ellipses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny set of ellipses."""
    folder: Path = tmp_path_factory.mktemp("data") / "ellipses"
    find_datalist(folder, ELLIPSES)
    return folder


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny phantom of four scanners, three of which have one class."""
    folder: Path = tmp_path_factory.mktemp("data") / "sites"
    write_phantom(folder, progress=False, **SITES)
    return folder


@pytest.fixture
def tiny_data(bundle: Path, request: pytest.FixtureRequest) -> Path:
    """The tiny data of a bundle."""
    return request.getfixturevalue({"descargan": "ellipses", "l2i_classification": "sites"}.get(bundle.name, "phantom"))


@pytest.fixture(scope="session")
def slices(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache of slices, or volumes, for the trainings of a session, which take the same."""
    return str(tmp_path_factory.mktemp("slices"))
