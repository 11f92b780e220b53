# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_anomaly.benchmarks.one_training ARGUMENTS``: a training of a table, in a process of its own."""

from __future__ import annotations

import sys
import traceback

from monai.bundle import run

from ..utils import describe

__all__ = ["main"]


def main(arguments: str) -> None:
    """Run a bundle; the last line of what it prints says why it failed.

    Args:
        arguments: JSON with ``config_file`` and overrides, the ``args_file`` of ``monai.bundle``.
    """
    try:
        run(args_file=arguments)
    except Exception as error:
        traceback.print_exc()
        sys.exit(f"error: {describe(error)}")


if __name__ == "__main__":
    main(sys.argv[1])
