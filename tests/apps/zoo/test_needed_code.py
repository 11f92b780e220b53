# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from monai_anomaly.apps.zoo.needed_code import NeededCode
from monai_anomaly.utils import DataError

FILES = {
    "__init__.py": '"""Root."""\n__version__ = "1.2"\n',
    "tools/__init__.py": '"""Tools."""\nfrom .cut import cut, saw\nfrom .glue import glue\n',
    "tools/cut.py": "from .. import __version__\ndef cut(): return __version__\ndef saw(): return 2\n",
    "tools/cut.css": "a {}",
    "tools/glue.py": "def glue(): return 'glue'\n",
    "parts/__init__.py": "from ..tools import cut as trim\nfrom .one import One\nfrom .two import Two\n",
    "parts/one.py": "def late():\n    from ..tools import saw\n    return saw()\nclass One: pass\n",
    "parts/two.py": "from ..tools.glue import glue\nTwo = glue\n",
    "kinds/__init__.py": "from ..parts import Two\nKINDS = {'two': Two}\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "package" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "package" / name).write_text(text, encoding="utf-8")
    return tmp_path / "package"


def written(package: Path, *names: str) -> tuple[Path, set[str]]:
    code = NeededCode(package)
    code.add(names)
    folder = package.parent / "scripts"
    code.write(folder)
    return folder, {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def value(folder: Path, expression: str, imports: str) -> str:
    command = [sys.executable, "-c", f"{imports}\nprint({expression})"]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, check=True).stdout.strip()


def test_what_is_imported_comes_along_and_nothing_else(package: Path) -> None:
    folder, files = written(package, "tools.cut")
    assert files == {"__init__.py", "tools/__init__.py", "tools/cut.py", "tools/cut.css"}
    assert value(folder, "cut()", "from scripts.tools import cut") == "1.2"


def test_imports_within_functions_count(package: Path) -> None:
    folder, files = written(package, "parts.One")
    assert "tools/cut.py" in files and not {"tools/glue.py", "parts/two.py"} & files
    assert value(folder, "late()", "from scripts.parts.one import late") == "2"


def test_a_package_with_code_of_its_own_is_taken_whole(package: Path) -> None:
    folder, files = written(package, "kinds.KINDS")
    assert "tools/glue.py" in files and "tools/cut.py" not in files
    assert value(folder, "KINDS['two']()", "from scripts.kinds import KINDS") == "glue"


def test_a_name_that_there_is_not(package: Path) -> None:
    with pytest.raises(DataError, match=r"tools\.hammer: expected a name of the package, found none"):
        written(package, "tools.hammer")
