# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..utils import atomic_write, file_digest

__all__ = ["write_threshold"]


def write_threshold(
    path: str | os.PathLike, threshold: Mapping[str, Any], model: Mapping[str, Any] | None = None
) -> None:
    """Write the threshold that inference takes, and which weights it was chosen for.

    The threshold of a model that still lies beside the file is not overwritten by that of another one: a warning
    comes, and the file stays.

    Args:
        path: JSON.
        threshold: ``value``, ``origin`` and more.
        model: ``file`` (name) and ``sha256`` of the weights; None: not told.
    """
    path = Path(path)
    other = _model(path)
    if other is not None and model is not None and other["sha256"] != model["sha256"]:
        beside = path.parent / other["file"]
        if beside.is_file() and file_digest(beside) == other["sha256"]:
            warnings.warn(
                f"{path}: left as it is: it is the threshold of {beside}, not of the {model['file']} evaluated now",
                stacklevel=2,
            )
            return
    told = {} if model is None else {"model": {key: model[key] for key in ("file", "sha256")}}
    with atomic_write(path) as f:
        json.dump({**threshold, **told}, f)


def _model(path: Path) -> Mapping[str, Any] | None:
    """Whose threshold a file has; None: there is none, or it does not tell."""
    try:
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        return {"file": str(model["file"]), "sha256": str(model["sha256"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
