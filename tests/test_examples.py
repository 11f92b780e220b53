# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The examples in the docstrings run, each by itself in an empty folder."""

from __future__ import annotations

import ast
import importlib
import inspect
import math
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.losses import DiceFocalLoss
from monai.networks.nets import DiffusionModelUNet, DynUNet, VarAutoEncoder

import monai_anomaly

PACKAGE = Path(monai_anomaly.__file__).parent
FOR_METHODS = ("diffusion", "engines", "losses", "networks.nets")
"""Packages a methods person uses directly: each of their classes shows how."""


def docstrings() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and (doc := ast.get_docstring(node)):
                yield f"{'.'.join(path.relative_to(PACKAGE).with_suffix('').parts)}.{node.name}", doc


def examples(doc: str) -> list[str]:
    """The indented blocks behind ``Example::`` lines."""
    found = []
    for part in doc.split("Example::\n")[1:]:
        lines = part.splitlines()
        end = next((i for i, line in enumerate(lines) if line and not line.startswith(" ")), len(lines))
        found.append(textwrap.dedent("\n".join(lines[:end])).strip())
    return found


@pytest.fixture(scope="session")
def names() -> dict[str, Any]:
    """What an example finds imported: the usual modules, some of MONAI, and the public names of this package."""
    known: dict[str, Any] = {"math": math, "nibabel": nibabel, "np": np, "nn": torch.nn, "torch": torch}
    monai = (DiceFocalLoss, DiffusionModelUNet, DynUNet, MetaTensor, VarAutoEncoder)
    known |= {value.__name__: value for value in monai}
    for path in sorted(PACKAGE.rglob("__init__.py")):
        if path.parent != PACKAGE:
            package = importlib.import_module(".".join(path.parent.relative_to(PACKAGE.parent).parts))
            known |= {name: getattr(package, name) for name in getattr(package, "__all__", ())}
    return known


ALL = [pytest.param(code, id=name) for name, doc in docstrings() for code in examples(doc)]


@pytest.mark.parametrize("code", ALL)
@pytest.mark.filterwarnings("ignore")
def test_example_runs(code: str, names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        exec(code, dict(names))


@pytest.mark.parametrize("package", FOR_METHODS)
def test_every_class_for_methods_has_an_example(package: str) -> None:
    module = importlib.import_module(f"monai_anomaly.{package}")
    classes = {name: getattr(module, name) for name in module.__all__ if inspect.isclass(getattr(module, name))}
    assert [name for name, value in classes.items() if not examples(inspect.getdoc(value) or "")] == []


def test_an_example_ends_where_the_text_continues() -> None:
    doc = "Text.\n\nExample::\n\n    a = 1\n    if a:\n        b = 2\n\nMore text.\n    c = 3"
    assert examples(doc) == ["a = 1\nif a:\n    b = 2"]
