# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
"""Exported bundles, and programs that run in their folders as if this package were not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from monai_anomaly.apps.zoo import export_zoo
from tests.bundles.workflow import copy_bundle, write_random_weights

WITHOUT = "import sys; sys.modules['monai_anomaly'] = None\n"
"""As if the package were not installed: an import of it fails."""


def export(bundle: Path, parent: Path) -> Path:
    """The folder of an exported bundle; one that comes without weights gets random ones."""
    source = bundle
    if not (bundle / "models" / "model.pt").is_file():
        source = copy_bundle(bundle, parent / "source")
        write_random_weights(source, source / "models" / "model.pt")
    export_zoo(str(source), parent / "models")
    return parent / "models" / bundle.name


def python(code: str, folder: Path) -> str:
    """What a program prints that runs in the bundle's folder, without the package."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    command = [sys.executable, "-c", WITHOUT + code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout + done.stderr
