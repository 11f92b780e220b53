# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""The formatter of the bundles' configurations."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "format_configs.py"
WORDS = ("a", "ü", '"', "$@train#dataset", "a longer word of several parts", "\n", "")


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("format_configs", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def content(rng: random.Random, depth: int) -> Any:
    """A random value; dictionaries and lists up to a depth."""
    kind = rng.choice(["plain", "list", "dict"]) if depth else "plain"
    if kind == "plain":
        return rng.choice([*WORDS, None, True, 7, -0.5, 1e-06])
    inner = [content(rng, depth - 1) for _ in range(rng.randrange(7))]
    return inner if kind == "list" else {f"{rng.choice(WORDS)}{i}": value for i, value in enumerate(inner)}


def test_every_configuration_is_laid_out(tool: Any) -> None:
    assert tool.main(["--check"]) == 0


@pytest.mark.parametrize("seed", range(50))
def test_only_the_layout_changes(tool: Any, seed: int) -> None:
    made = content(random.Random(seed), 4)
    text = tool.layout(made)
    assert json.loads(text) == made and tool.layout(json.loads(text)) == text
    assert json.dumps(json.loads(text)) == json.dumps(made)  # the order of the keys, and 1.0 is not 1


@pytest.mark.parametrize("seed", range(50))
def test_no_line_that_holds_several_values_is_too_long(tool: Any, seed: int) -> None:
    text = tool.layout(content(random.Random(seed), 4))
    for line in text.splitlines():
        inside = line.strip().rstrip(",").partition(": ")[2] or line.strip().rstrip(",")
        if inside[0] in "[{" and len(inside) > 1:
            assert len(line) <= tool.WIDTH, line


def test_what_is_short_is_on_one_line(tool: Any) -> None:
    for short in ([16, 32, 48], ["instance", {"affine": True}], {"a": [1, 2], "b": None}, [[3, 3], [2, 2]]):
        assert "\n" not in tool.layout(short)
    for several in ([{"a": 1}, {"b": 2}], {"a": {"b": 1}}, list(range(60)), dict.fromkeys("abcd", 0)):
        assert "\n" in tool.layout(several)


def test_a_file_is_named_before_it_is_written(tool: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a":\n[1,\n2]}')
    assert tool.main(["--check", str(path)]) == 1 and "a.json" in capsys.readouterr().out
    assert path.read_text() == '{"a":\n[1,\n2]}'
    assert tool.main([str(path)]) == 0 and tool.main(["--check", str(path)]) == 0
    assert path.read_text() == '{"a": [1, 2]}\n' and [p.name for p in tmp_path.iterdir()] == ["a.json"]
