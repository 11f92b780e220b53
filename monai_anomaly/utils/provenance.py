# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import monai
import numpy
import torch

from .. import __version__

__all__ = ["provenance"]


def provenance(config: str = "", seed: int | None = None) -> dict[str, Any]:
    """What a result must be read with: when, from which code, config and seed it came.

    Args:
        config: name of the configuration.
        seed: seed of the run.

    Returns:
        ``date`` (UTC, ISO 8601), ``config``, ``seed``, ``git_revision`` (with ``+`` when tracked files were changed;
        None when the package is not a checkout) and ``versions``.
    """
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "config": config,
        "seed": seed,
        "git_revision": _git_revision(Path(__file__).parents[1]),
        "versions": {
            "monai_anomaly": __version__,
            "monai": monai.__version__,
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "python": platform.python_version(),
        },
    }


def _git_revision(package: Path) -> str | None:
    def git(*args: str) -> str:
        command = ["git", "-C", str(package), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        # an environment inside somebody else's repository must not report that repository's revision
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None
