# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""``python -m monai_anomaly COMMAND``; ``main`` lists the commands."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from difflib import get_close_matches

from .utils import DataError, known_cause

__all__ = ["find_commands", "main"]


def find_commands() -> dict[str, Callable]:
    """The commands by their names."""
    from .apps.calibrate import calibrate
    from .apps.calibrate_check import calibrate_check
    from .apps.chest import chest
    from .apps.convert import convert
    from .apps.convert_segmentation import convert_segmentation
    from .apps.datalist import datalist
    from .apps.dicom import predict_dicom
    from .apps.doctor import doctor
    from .apps.ellipses import ellipses
    from .apps.export_network import export_network
    from .apps.label import label_server
    from .apps.phantom import phantom
    from .apps.predict import predict
    from .apps.preprocess import preprocess
    from .apps.preprocess_check import preprocess_check
    from .apps.restore import restore
    from .apps.table import table
    from .apps.zoo import export_zoo
    from .benchmarks.benchmark import benchmark
    from .benchmarks.speed import speed
    from .evaluation.compare import compare

    return {
        "benchmark": benchmark,
        "calibrate": calibrate,
        "calibrate-check": calibrate_check,
        "chest": chest,
        "compare": compare,
        "convert": convert,
        "convert-segmentation": convert_segmentation,
        "datalist": datalist,
        "doctor": doctor,
        "ellipses": ellipses,
        "export-network": export_network,
        "export-zoo": export_zoo,
        "label-server": label_server,
        "phantom": phantom,
        "predict": predict,
        "predict-dicom": predict_dicom,
        "preprocess": preprocess,
        "preprocess-check": preprocess_check,
        "restore": restore,
        "speed": speed,
        "table": table,
    }


def main() -> None:
    """Run a command; bad input, and a file that cannot be written, end with one line, not with a traceback."""
    import fire

    from .apps.arguments import read_arguments
    from .apps.help_text import command_help, overview

    commands = find_commands()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be no valid text
    words = sys.argv[1:]
    if not words or (words[-1] in ("--help", "-h") and "--" not in words):
        # fire would show its own notes, and run a command that takes any option
        print(command_help(words[0], commands[words[0]]) if words and words[0] in commands else overview(commands))
        sys.exit(0)
    if words[0] not in commands:
        near = "".join(f", {name}?" for name in get_close_matches(words[0], commands, 1))
        sys.exit(f"error: {words[0]}: no such command{near}; monai-anomaly --help lists them")
    try:
        fire.Fire({n: read_arguments(command) for n, command in commands.items()}, command=words, name="monai_anomaly")
    except (DataError, OSError, RuntimeError) as error:  # monai.bundle wraps what fails in a RuntimeError
        known = error if isinstance(error, OSError) else known_cause(error)
        if known is None:
            raise
        sys.exit(f"error: {known}")


if __name__ == "__main__":
    main()
