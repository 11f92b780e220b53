# Copyright (c) monai_anomaly contributors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ...utils import DataError
from .app_folder import checked_bundles, write_app
from .reasons import answer_with_reason

__all__ = ["label_server"]


def label_server(
    studies: str | os.PathLike,
    bundles: Sequence[str] | None = None,
    app: str | os.PathLike = "runs/label",
    host: str = "127.0.0.1",
    port: int = 8765,
) -> None:
    """Serve bundles to 3D Slicer, OHIF or any other client, by MONAI Label.

    Examples:
        monai-anomaly label-server scans
        monai-anomaly label-server scans --bundles diffanomaly,l2i_classification --port 9000

    It needs MONAI Label in an environment of its own. Weights are tried before the start, those of another network are
    refused, and a request that fails is answered with the reason.

    Args:
        studies: folder of the images, without subfolders, or the address of a DICOMweb server; MONAI Label keeps its
            list and labels there.
        bundles: names or folders, with weights of your training or else those that they come with; by default all that
            have any.
        app: folder that gets the app with the bundles, and the log.
        host: address to serve at; 0.0.0.0 is every one of this machine, without a password.
        port: to serve at.

    Raises:
        DataError: MONAI Label is not installed, the folder does not exist, the port is in use, or a bundle has no
            weights that fit.
    """
    studies = _checked_studies(str(studies))
    _check_port(host, port)
    checked = checked_bundles(bundles)
    folder = Path(app).expanduser()
    write_app(folder, checked)
    for bundle, weights in checked.items():
        print(f"{bundle.name}: weights of {weights}")
    _declare_detection()
    from monailabel.app import app as web
    from monailabel.main import Main

    web.add_exception_handler(Exception, answer_with_reason)
    print(f"serving at http://{host}:{port}, end with Ctrl+C", flush=True)
    options = {"app": folder, "studies": studies, "host": host, "port": port}
    settings = {"models": ",".join(path.name for path in checked), "zoo_source": "local", "sam2": "false"}
    settings["skip_trainers"] = "true"  # its labels are masks, those of a training here are classes
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    words += [word for name, value in settings.items() for word in ("--conf", name, value)]
    sys.argv = ["monailabel", "start_server", *words]
    Main().run()


def _checked_studies(studies: str) -> str:
    """An address as it is; a folder, which must be there, with a word when there is nothing in it yet."""
    if studies.startswith(("http://", "https://")):
        return studies
    folder = Path(studies).expanduser()
    if not folder.is_dir():
        raise DataError(f"{studies}: expected a folder of images, found {'a file' if folder.exists() else 'nothing'}")
    if not any(path.is_file() and path.suffix != ".json" and path.name[0] != "." for path in folder.iterdir()):
        print(f"{studies}: no images in this folder itself, clients can upload some")
    return str(folder)


def _check_port(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except (OSError, OverflowError, TypeError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise DataError(f"{host}:{port}: expected a free port, found: {why}; give another --port") from error


def _declare_detection() -> None:
    """Let torchvision be imported beside a CPU build of torch, which that of PyPI does not fit: no bundle needs the two
    operators that are missing then."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)


_KEPT: list[torch.library.Library] = []
"""What is declared lasts as long as its library."""
