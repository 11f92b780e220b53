# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Nothing in the package imports upward or in a circle."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import monai_anomaly

PACKAGE = Path(monai_anomaly.__file__).parent
FLOORS = """
utils
diffusion losses networks metrics registration
transforms data
inferers engines
visualize
evaluation
handlers preprocessing
benchmarks apps
""".strip().splitlines()
"""Bottom up; rooms of one floor may use each other in one direction."""

Graph = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Files by dotted name within the package; a package is its ``__init__.py``."""
    paths = {path.relative_to(PACKAGE).with_suffix(""): path for path in PACKAGE.rglob("*.py")}
    return {".".join(p.parts).removesuffix("__init__").removesuffix("."): path for p, path in paths.items()}


def imports(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """Modules of the package that one imports anywhere, in functions and for type checks as well."""
    package = name.split(".") if path.name == "__init__.py" and name else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1] + (node.module or "").split(".")
            source = ".".join(part for part in base if part)
            inner = {f"{source}.{alias.name}".strip(".") for alias in node.names}
            found |= {m if m in known else source for m in inner}
    return found


def import_graph() -> Graph:
    known = modules()
    return {name: imports(name, path, known) for name, path in known.items()}


def circle(graph: Graph) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def room(module: str) -> str:
    return module.split(".")[0]


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(import_graph()) == []


def test_every_room_has_a_floor() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= {name for floor in FLOORS for name in floor.split()}


def test_no_room_imports_from_a_higher_floor_or_in_a_circle() -> None:
    floor_of = {name: number for number, floor in enumerate(FLOORS) for name in floor.split()}
    beside: Graph = {}
    upward = []
    for module, found in import_graph().items():
        here = room(module)
        for other in found:
            there = room(other)
            if here in floor_of and there in floor_of and here != there:
                if floor_of[there] > floor_of[here]:
                    upward.append(f"{module} imports {other}")
                if floor_of[there] == floor_of[here]:
                    beside.setdefault(here, set()).add(there)
    assert upward == []
    assert circle(beside) == []


def test_a_circle_and_its_absence_are_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) and circle({"a": {"a"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


def test_imports_of_every_form_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text("from ..utils import x\nfrom . import near\ndef f():\n    from .deep.down import y\nimport torch\n")
    known = {"data.near": path}
    assert imports("data.m", path, known) == {"utils", "data.near", "data.deep.down"}
