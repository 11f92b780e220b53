# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect
import os
import re

import pytest

from monai_anomaly.__main__ import find_commands
from monai_anomaly.apps.help_text import command_help, overview

COMMANDS = find_commands()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_all_that_a_person_needs(name: str) -> None:
    text = command_help(name, COMMANDS[name])
    assert text.startswith(f"usage: monai-anomaly {name}") and f"  monai-anomaly {name}" in text
    for parameter in inspect.signature(COMMANDS[name]).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            row = r"--\.\.\."
        else:
            row = rf"(?:{parameter.name.upper()}(?: \.\.\.)?|--{parameter.name})"
        assert re.search(rf"^  {row}\s+[\w\"]", text, re.MULTILINE), f"{name}: nothing is said of {parameter.name}"
    assert "``" not in text and ":py:" not in text and max(map(len, text.splitlines())) <= 160


def test_the_overview_has_every_command_with_a_sentence() -> None:
    text = overview(COMMANDS)
    for name in COMMANDS:
        assert re.search(rf"^  {name}\s+[A-Z]", text, re.MULTILINE), name


def example(first: str, second: str | os.PathLike | None = None, third: float = 0.5, fourth: str | None = None) -> None:
    """Do it.

    More about ``it``.

    Args:
        first: see :py:func:`other`,
            or not.
        second: a number.
        third: another.
        fourth: nothing.

    Raises:
        ValueError: never.
    """


def test_what_is_placed_what_is_an_option_and_what_is_left_unsaid() -> None:
    text = command_help("example", example)
    assert text.splitlines()[0] == "usage: monai-anomaly example FIRST [SECOND] [--option value ...]"
    assert "More about it." in text and "see other, or not." in text and "(default: 0.5)" in text
    assert "ValueError" not in text and "--fourth" in text and "None" not in text
