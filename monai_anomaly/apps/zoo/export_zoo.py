# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from ...utils import DataError, atomic_path, file_digest, weights_folder
from ..find_bundle import find_bundle
from .needed_code import NeededCode
from .unit_test import write_unit_test

__all__ = ["export_zoo"]

PACKAGE = "monai_anomaly"
CODE = "scripts"
"""Package of a bundle's own code in the Model Zoo."""
LARGEST = 25e6
"""Bytes of a file that the Model Zoo takes; larger ones are downloaded."""
REWRITTEN = {
    "The bundle needs the package `monai_anomaly`.": "Its code is in `scripts`; only the commands of `monai-anomaly` "
    "(`python -m monai_anomaly`) need that package.",
    "../models/README.md": "weights.md",
    "--ckpt_file trained/": "--ckpt_file models/",
    "--filepath trained/": "--filepath models/",
}
"""What a bundle's page says otherwise when it is exported."""


def export_zoo(bundle: str, out: str | os.PathLike, url: str | None = None) -> None:
    """Write a bundle as the Model Zoo has it: with its own code under scripts/, weights, licenses, pages.

    Examples:
        monai-anomaly export-zoo diffanomaly model-zoo/models
        monai-anomaly export-zoo diffseg models --url https://example.org/diffseg

    The folder runs without monai_anomaly, also as a snapshot of Hugging Face. The weights are those of your training,
    or else those that the bundle comes with. Its unit test, test_NAME.py, lies in it, or in ci/unit_tests where OUT is
    the folder models of a copy of the zoo.

    Args:
        bundle: its name or folder.
        out: folder that gets a folder of the bundle's name; one that is there already is an error, as is the test.
        url: where the files of more than 25 MB will be, as URL/models/NAME; they go to large_files.yml and not into
            the folder.

    Raises:
        DataError: there is no such bundle, it has no weights, the folder or test is there already, or a file is too
            large and there is no URL.
    """
    folder = find_bundle(bundle).resolve()
    target = Path(out).expanduser() / folder.name
    tests = target.resolve().parents[1] / "ci" / "unit_tests"
    test = (tests if tests.is_dir() else target) / f"test_{folder.name}.py"
    for place, kind in ((target, "folder"), (test, "file")):
        if place.exists():
            raise DataError(f"{place}: expected no such {kind}, found one; remove it, or name another")
    weights = Path(weights_folder(str(folder)))
    if not (weights / "model.pt").is_file():
        raise DataError(f"{weights / 'model.pt'}: expected weights to export, found none; train the bundle first")
    with atomic_path(target) as made:
        try:
            _copy_texts(folder, made)
            _copy_configs(folder / "configs", made)
            _copy_weights(weights, made, url)
            if test.parent == target:
                write_unit_test(folder.name, made / test.name)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    if test.parent != target:
        write_unit_test(folder.name, test)
    print(f"{target}: {sum(1 for p in target.rglob('*.py'))} modules, weights of {weights}, {test}")


def _copy_texts(folder: Path, made: Path) -> None:
    (made / "docs").mkdir(parents=True)
    shutil.copyfile(folder / "LICENSE", made / "LICENSE")
    for path in sorted((folder / "docs").iterdir()):
        text = path.read_text(encoding="utf-8")
        for was, here in REWRITTEN.items():
            text = text.replace(was, here)
        (made / "docs" / path.name).write_text(text, encoding="utf-8")


def _copy_configs(configs: Path, made: Path) -> None:
    """The configurations, which name this package, with the code that they name."""
    (made / "configs").mkdir()
    named: set[str] = set()
    for path in sorted(configs.iterdir()):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(rf'"{PACKAGE}\.([\w.]+)"', text))
        (made / "configs" / path.name).write_text(text.replace(f'"{PACKAGE}.', f'"{CODE}.'), encoding="utf-8")
    code = NeededCode(Path(__file__).resolve().parents[2])
    code.add(sorted(named))
    code.write(made / CODE)


def _copy_weights(weights: Path, made: Path, url: str | None) -> None:
    """The weights with their record and threshold, and where those are that are too large."""
    models = made / "models"
    models.mkdir()
    large: list[dict[str, Any]] = []
    for path in sorted(weights.iterdir()):
        if path.name == "README.md":
            shutil.copyfile(path, made / "docs" / "weights.md")
        elif path.name.endswith("_state.pt") or path.suffix not in (".pt", ".json"):
            continue
        elif path.stat().st_size <= LARGEST:
            shutil.copyfile(path, models / path.name)
        elif url is None:
            size = path.stat().st_size / 1e6
            raise DataError(f"{path}: expected at most 25 MB, as the Model Zoo takes, found {size:.0f}; give --url")
        else:
            place = f"models/{path.name}"
            about = {"hash_val": file_digest(path), "hash_type": "sha256"}
            large.append({"path": place, "url": f"{url.rstrip('/')}/{place}", **about})
    if large:
        text = yaml.safe_dump({"large_files": large}, sort_keys=False)
        (made / "large_files.yml").write_text(text, encoding="utf-8")
