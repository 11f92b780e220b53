# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path

import torch

from ..utils import DataError, autocast_dtype, read_model_record, weights_folder
from .find_bundle import find_bundle, known_bundles

__all__ = ["doctor"]

OPTIONAL = {
    "highdicom": ("predict-dicom, DICOM files of several frames", "pip install highdicom"),
    "onnxruntime": ("export-network to .onnx", "pip install onnx onnxruntime onnxscript"),
    "jsonschema": ("checks metadata.json of a bundle", "pip install jsonschema"),
    "mlflow": ("records a training, --tracking mlflow of monai.bundle", "pip install mlflow"),
    "monai-deploy-app-sdk": (
        "bundles in applications of MONAI Deploy",
        "an environment of its own, see docs/how-to/monai-deploy.md",
    ),
    "monailabel": ("serves bundles to viewers", "an environment of its own, see docs/how-to/monai-label.md"),
}
"""Packages that nothing needs: what for, and how to get them."""


def doctor() -> None:
    """Say which versions, devices, optional parts and weights there are, and how to get what is missing.

    Examples:
        monai-anomaly doctor

    Raises:
        DataError: a package that is needed is missing or of another version than it must be.
    """
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}")
    wrong = _packages()
    _devices()
    _optional()
    _bundles()
    if wrong:
        raise DataError(f"needed, and not as it must be: {'; '.join(wrong)}; pip install -c constraints.txt -e .")
    print("all that is needed is here")


def _packages() -> list[str]:
    """Print the packages that this one needs; those that do not fit."""
    from packaging.requirements import Requirement

    wrong = []
    print(f"\nmonai-anomaly {metadata.version('monai-anomaly')}")
    for line in metadata.requires("monai-anomaly") or []:
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found = None
        fits = found is not None and requirement.specifier.contains(found, prereleases=True)
        print(f"  {requirement.name:<18} {found or 'missing'}{'' if fits else f' - needs {requirement.specifier}'}")
        if not fits:
            wrong.append(f"{requirement.name} {found or 'missing'}")
    return wrong


def _devices() -> None:
    cpu = torch.device("cpu")
    fast = "with bfloat16" if autocast_dtype("auto", cpu) is not None else "without bfloat16, 2 to 3 times slower"
    print(f"\nCPU: {os.cpu_count()} cores, {torch.get_num_threads()} threads, {fast}")
    for i in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(i)
        print(f"GPU {i}: {about.name}, {about.total_memory / 2**30:.0f} GiB")
    if not torch.cuda.is_available():
        built = f"torch {torch.__version__} is built for CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
        print(f"GPU: none ({built}); everything runs on the CPU")
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    print(f"disk: {free:.0f} GiB free in {Path.cwd()}")


def _optional() -> None:
    print("\noptional:")
    for name, (what, how) in OPTIONAL.items():
        try:
            state = metadata.version(name)
        except metadata.PackageNotFoundError:
            state = f"missing: {how}"
        print(f"  {name:<21} {what}: {state}")
    where = shutil.which("hd-bet")
    print(f"  {'hd-bet':<21} brain masks of raw scans: {where or 'missing, a template serves: pip install hd-bet'}")


def _bundles() -> None:
    names = known_bundles()
    print("\nbundles:" if names else "\nbundles: none in ./bundles or beside the package; clone the repository")
    for name in names:
        folder = Path(weights_folder(str(find_bundle(name))))
        model = folder / "model.pt"
        if not model.is_file():
            print(f"  {name:<18} no weights yet: train it")
            continue
        training = read_model_record(model)["training"] or {}
        told = training.get("note") or f"trained {str(training.get('date', 'elsewhere'))[:10]}"
        print(f"  {name:<18} {model}: {told}")
