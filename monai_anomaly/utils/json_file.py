# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .errors import DataError

__all__ = ["read_json"]


def read_json(path: str | os.PathLike, expected: str = "JSON") -> Any:
    """The content of a JSON file, with or without the mark that Windows puts in front.

    Args:
        path: the file.
        expected: what it should be, for the message.

    Raises:
        DataError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: expected {expected}, found {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected {expected}, found {error}") from error
