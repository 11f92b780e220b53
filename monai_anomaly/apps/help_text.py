# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Help of the command line, from the docstrings of the commands; that of ``fire`` shows its own notes among theirs."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Mapping

__all__ = ["command_help", "overview"]

PROGRAM = "monai-anomaly"
_WIDTH = 100
_SECTION = re.compile(r"^(Args|Examples|Returns|Raises):\s*$", re.MULTILINE)
_ARGUMENT = re.compile(r"^    \**(\w+): ", re.MULTILINE)


def overview(commands: Mapping[str, Callable]) -> str:
    """Every command with its first sentence, and how to begin.

    Args:
        commands: name -> function with a docstring in Google's style.
    """
    lines = [f"usage: {PROGRAM} COMMAND ...", ""]
    lines += [_row(name, _sections(command)[""].split("\n\n")[0], 22) for name, command in commands.items()]
    lines += [
        "",
        f"{PROGRAM} COMMAND --help tells the options of a command.",
        "Training: python -m monai.bundle run training --config_file bundles/NAME/configs/train.json",
        f"A first look, on generated images: {PROGRAM} predict diffanomaly",
        f"What is installed and what is missing: {PROGRAM} doctor",
    ]
    return "\n".join(lines)


def command_help(name: str, command: Callable) -> str:
    """A command's use, description, examples, and arguments with their defaults.

    Args:
        name: of the command.
        command: a function with a docstring in Google's style.
    """
    told = _sections(command)
    words, rows = [], []
    texts = _arguments(told.get("Args", ""))
    for parameter in inspect.signature(command).parameters.values():
        text = texts.get(parameter.name, "")
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            words.append("[--OPTION VALUE ...]")
            rows.append(("--...", text))
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            words.append(f"{parameter.name.upper()} ...")
            rows.append((f"{parameter.name.upper()} ...", text))
        elif parameter.default is inspect.Parameter.empty:
            words.append(parameter.name.upper())
            rows.append((parameter.name.upper(), text))
        elif parameter.default is None and "PathLike" in str(parameter.annotation):
            words.append(f"[{parameter.name.upper()}]")
            rows.append((parameter.name.upper(), text))
        elif parameter.default is None:
            rows.append((f"--{parameter.name}", text))
        else:
            rows.append((f"--{parameter.name}", f"{text} (default: {_default(parameter.default)})"))
    words += ["[--option value ...]"] if any(row[0].startswith("--") for row in rows) and "..." not in words[-1] else []
    description = "\n\n".join(textwrap.fill(p, _WIDTH) for p in told[""].split("\n\n"))
    parts = [f"usage: {PROGRAM} {name} {' '.join(words)}", description]
    if examples := told.get("Examples"):
        parts.append("examples:\n" + textwrap.indent(textwrap.dedent(examples).strip("\n"), "  "))
    parts.append("\n".join(_row(left, right, 26) for left, right in rows))
    return "\n\n".join(parts)


def _default(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value)) or "none"
    return str(value)


def _sections(command: Callable) -> dict[str, str]:
    """The parts of a docstring by their titles, without the marks of Sphinx; the first has none."""
    text = re.sub(r"(?::[\w:]+:)?`+~?([^`]+)`+", r"\1", inspect.getdoc(command) or "")
    parts = _SECTION.split(text)
    sections: dict[str, str] = {"": parts[0].strip()}
    for title, part in zip(parts[1::2], parts[2::2], strict=True):
        paragraphs = part.strip("\n").split("\n\n")
        inside = [p for p in paragraphs if p.startswith(" ")]
        sections[title] = "\n\n".join(inside)
        # what stands behind a section without an indent belongs to the description
        sections[""] += "".join(f"\n\n{p.strip()}" for p in paragraphs if p.strip() and not p.startswith(" "))
    return sections


def _arguments(text: str) -> dict[str, str]:
    parts = _ARGUMENT.split(text)
    return {name: " ".join(part.split()) for name, part in zip(parts[1::2], parts[2::2], strict=True)}


def _row(left: str, right: str, indent: int) -> str:
    """Two columns; a long left one gets a line of its own."""
    body = textwrap.wrap(" ".join(right.split()), _WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    body = body or [""]
    first = f"  {left}".ljust(indent)
    head = [first + body[0]] if len(first) == indent and first.endswith(" ") else [first, " " * indent + body[0]]
    return "\n".join([*head, *(" " * indent + line for line in body[1:])]).rstrip()
