# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .errors import DataError

__all__ = ["as_path"]


def as_path(value: Any, name: str) -> Path:
    """The path that an argument gives, with ``~`` resolved.

    MONAI's command line reads ``20230115`` as a number and ``Smith,John`` as a list before we see it, so the text is
    lost (``1.10`` became 1.1) and only the user can say it again.

    Args:
        value: what arrived.
        name: of the argument, for the message.

    Raises:
        DataError: it is neither text nor a path.
    """
    if isinstance(value, (str, os.PathLike)):
        return Path(value).expanduser()
    raise DataError(
        f"{name}: expected a path, found {value!r} ({type(value).__name__}); the command line reads such names as"
        f" numbers or lists: write ./ in front, like --{name} ./20230115"
    )
