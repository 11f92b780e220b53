# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...utils import DataError

__all__ = ["NeededCode"]

HEADER = "# Copyright (c) monai_anomaly contributors\n# SPDX-License-Identifier: Apache-2.0\n"


@dataclass
class NeededCode:
    """The part of a package that some of its names need, found by reading its imports; nothing is run.

    All imports within the package are relative. A module is taken whole; of a package that only passes names on, just
    those that are needed.

    Args:
        root: folder of the package.
    """

    root: Path
    modules: set[tuple[str, ...]] = field(default_factory=set, init=False)
    """Modules, by their places in the package."""
    passed_on: dict[tuple[str, ...], dict[str, tuple[str, str]]] = field(default_factory=dict, init=False)
    """Of each package: name -> its module there (``""``: it is a module itself) and its name in it."""

    def add(self, places: Iterable[str]) -> None:
        """Take names by their places in the package, such as ``"handlers.SaveCases"``, and all that they need.

        Raises:
            DataError: when there is no such name.
        """
        for place in places:
            *package, name = place.split(".")
            self._add(tuple(package), name)

    def write(self, folder: Path) -> None:
        """Write this part as a package of its own, with the files beside the modules that are no code."""
        for place in sorted(self.modules):
            source = self._file(place)
            target = folder.joinpath(*place, "__init__.py") if source.name == "__init__.py" else folder.joinpath(*place)
            target = target if target.suffix else target.with_suffix(".py")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
            for other in source.parent.iterdir():
                if other.is_file() and other.suffix not in (".py", ".typed"):
                    (target.parent / other.name).write_bytes(other.read_bytes())
        for place in sorted(self._packages()):
            if place not in self.modules:
                folder.joinpath(*place).mkdir(parents=True, exist_ok=True)
                text = self._short(place)
                folder.joinpath(*place, "__init__.py").write_text(text, encoding="utf-8")

    def _add(self, place: tuple[str, ...], name: str) -> None:
        """A name of a module or package."""
        if not self._is_package(place):
            self._add_module(place)
            return
        if name in self.passed_on.setdefault(place, {}):
            return
        tree = self._tree(place)
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.level == 1:
                for alias in statement.names:
                    if (alias.asname or alias.name) == name:
                        module = statement.module or ""
                        self.passed_on[place][name] = (module, alias.name)
                        self._add((*place, *module.split(".")) if module else place, alias.name)
                        return
        if self._exists((*place, name)):
            self.passed_on[place][name] = ("", name)
            if not self._is_package((*place, name)):
                self._add_module((*place, name))
            return
        if name not in _defined(tree):
            raise DataError(f"{'.'.join((*place, name))}: expected a name of the package, found none")
        self._add_module(place)

    def _add_module(self, place: tuple[str, ...]) -> None:
        """A module, or a package with code of its own, as a whole, and what it imports."""
        if place in self.modules:
            return
        self.modules.add(place)
        inside = place if self._is_package(place) else place[:-1]
        for statement in ast.walk(self._tree(place)):
            if isinstance(statement, ast.ImportFrom) and statement.level:
                base = inside[: len(inside) - statement.level + 1]
                target = (*base, *statement.module.split(".")) if statement.module else base
                for alias in statement.names:
                    self._add(target, alias.name)

    def _packages(self) -> set[tuple[str, ...]]:
        """All packages on the way to a module."""
        files = {place if self._is_package(place) else place[:-1] for place in self.modules}
        return {place[:i] for place in files | set(self.passed_on) for i in range(len(place) + 1)}

    def _short(self, place: tuple[str, ...]) -> str:
        """``__init__.py`` of a package that passes on what is needed."""
        document = ast.get_docstring(self._tree(place)) or "Part of monai_anomaly."
        names = self.passed_on.get(place, {})
        modules: dict[str, list[str]] = {}
        for name, (module, was) in names.items():
            if module:
                modules.setdefault(module, []).append(was if was == name else f"{was} as {name}")
        lines = [_import_line(module, sorted(modules[module])) for module in sorted(modules)]
        passed = sorted(name for name, (module, _) in names.items() if module)
        body = [HEADER + f'"""{document}"""\n\nfrom __future__ import annotations\n']
        if lines:
            listed = "".join(f'    "{name}",\n' for name in passed)
            body += ["\n".join(lines), f"\n__all__ = [\n{listed}]\n"]
        return "\n".join(body)

    def _file(self, place: tuple[str, ...]) -> Path:
        folder = self.root.joinpath(*place)
        return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")

    def _tree(self, place: tuple[str, ...]) -> ast.Module:
        return ast.parse(self._file(place).read_text(encoding="utf-8"))

    def _is_package(self, place: tuple[str, ...]) -> bool:
        return (self.root.joinpath(*place) / "__init__.py").is_file()

    def _exists(self, place: tuple[str, ...]) -> bool:
        return self._is_package(place) or self.root.joinpath(*place).with_suffix(".py").is_file()


def _import_line(module: str, names: list[str]) -> str:
    line = f"from .{module} import {', '.join(names)}"
    listed = "".join(f"    {name},\n" for name in names)
    return line if len(line) <= 120 else f"from .{module} import (\n{listed})"


def _defined(tree: ast.Module) -> set[str]:
    """Names that a module gives a value itself."""
    return set(_names(tree.body))


def _names(body: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id
