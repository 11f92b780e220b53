# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The folder that MONAI Label serves: its app ``monaibundle`` with bundles, and nothing in them that it misreads."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from monai.bundle import ConfigParser

from ...networks.weights import load_weights
from ...utils import DataError, weights_folder
from ..find_bundle import find_bundle, known_bundles

__all__ = ["checked_bundles", "write_app"]

APP = "sample-apps/monaibundle/main.py"
WEIGHTS = ("model.pt", "model.json", "threshold.json")
"""No other ``.pt``: MONAI Label would offer each as a model."""


def checked_bundles(names: Iterable[str] | None = None) -> dict[Path, Path]:
    """The folders of bundles, and for each that of its weights, which were tried in its network.

    MONAI Label takes whatever weights have a name in common with the network, and leaves the rest random.

    Args:
        names: of the bundles, or their folders; None: all that have weights.

    Raises:
        DataError: when there is no such bundle, two have one name, or one has no weights or those of another network.
    """
    if names is None:
        folders = [find_bundle(name) for name in known_bundles()]
        folders = [folder for folder in folders if _weights(folder).is_file()]
    else:
        folders = [find_bundle(name) for name in names]
    if not folders:
        raise DataError("bundles: expected at least one with weights, found none")
    bundles: dict[Path, Path] = {}
    for folder in (folder.resolve() for folder in folders):
        if folder.name in {other.name for other in bundles}:
            raise DataError(f"{folder}: expected bundles of different names, found {folder.name} twice")
        model = _weights(folder)
        if not model.is_file():
            raise DataError(f"{model}: expected weights, found no such file: train {folder.name}, or leave it out")
        parser = ConfigParser()
        parser.read_config(folder / "configs" / "inference.json")
        load_weights(parser.get_parsed_content("network_def"), model)
        bundles[folder] = model.parent
    return bundles


def write_app(app: Path, bundles: Mapping[Path, Path]) -> None:
    """Write the app; what an earlier start wrote of these bundles is replaced.

    Args:
        app: folder of the app; it also gets MONAI Label's logs.
        bundles: as `checked_bundles` gives them.

    Raises:
        DataError: when MONAI Label is not here, or comes without its app.
    """
    try:
        files = metadata.files("monailabel") or []
    except metadata.PackageNotFoundError as error:
        raise DataError(
            "monailabel: expected MONAI Label in this environment, found none; docs/how-to/monai-label.md says how to "
            "install it"
        ) from error
    main = next((Path(str(file.locate())) for file in files if file.as_posix().endswith(APP)), None)
    if main is None or not main.is_file():
        raise DataError(f"monailabel: expected its app {Path(APP).parent.name}, found none")
    shutil.copytree(main.parent, app, ignore=shutil.ignore_patterns("model", "logs", "__pycache__"), dirs_exist_ok=True)
    for folder, weights in bundles.items():
        target = app / "model" / folder.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder / "configs", target / "configs")
        (target / "models").mkdir()
        for source in (weights / name for name in WEIGHTS):
            if source.is_file():
                shutil.copyfile(source, target / "models" / source.name)


def _weights(folder: Path) -> Path:
    return Path(weights_folder(str(folder))) / "model.pt"
