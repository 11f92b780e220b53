# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import fire.decorators
import fire.parser

__all__ = ["read_arguments", "read_options"]

_NAME = re.compile(r"""\s*('[^']*'|"[^"]*"|[^,]+)\s*(?:,|$)""")
"""One item of a list; a comma in quotes belongs to the item."""


def read_arguments(command: Callable) -> Callable:
    """Let the command line give a function's arguments as its type hints say.

    ``fire`` guesses a type for each, so that the folder ``20230115`` becomes a number, ``1.10`` becomes 1.1 and
    ``Smith,John`` a list of two. Here what may be text or a path arrives as it was typed, the names in a list are text,
    and only the rest is guessed. Arguments that the function does not name follow the hint of its ``**kwargs``.

    Returns:
        the function, with the notes that ``fire`` reads.
    """
    hints = get_type_hints(command)
    for name, parameter in inspect.signature(command).parameters.items():
        reader = _reader(hints.get(name, Any))
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            fire.decorators.SetParseFn(reader)(command)
        else:
            fire.decorators.SetParseFn(reader, name)(command)
    return command


def read_options(function: Callable, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options given as text, converted as the hints of their function say."""
    hints = get_type_hints(function)
    return {k: _reader(hints.get(k, Any))(v) if isinstance(v, str) else v for k, v in options.items()}


def _reader(hint: Any) -> Callable[[str], Any]:
    kinds = get_args(hint) if isinstance(hint, UnionType) or get_origin(hint) is Union else (hint,)
    text = str in kinds or os.PathLike in kinds
    names = any(get_origin(kind) is Sequence and get_args(kind) == (str,) for kind in kinds)
    structured = any(get_origin(kind) is Mapping for kind in kinds)

    def read(value: str) -> Any:
        if NoneType in kinds and value == "None":
            return None
        if structured and value.lstrip().startswith("{"):
            return fire.parser.DefaultParseValue(value)
        if names and (listed := _names(value)) is not None:
            return listed
        if names and not text:
            return [value]
        return value if text else fire.parser.DefaultParseValue(value)

    return read


def _names(value: str) -> list[str] | None:
    """Names in brackets, or plain ones with commas between, as text, in any quotes or none; None: it is one name."""
    bracketed = re.fullmatch(r"\s*[\[(](.*)[\])]\s*", value, re.DOTALL)
    if bracketed is None and not re.fullmatch(r"[\w+.-]+(,[\w+.-]+)+", value):
        return None
    parts = _NAME.findall(bracketed.group(1) if bracketed else value)
    return [part.strip().strip("'\"") for part in parts if part.strip()]
